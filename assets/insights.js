/* The Insights: a project is chosen, an export is asked for with all that stands in its form. */
window.tiller.insights = (element, send) => {
  element.addEventListener("change", event => {
    if (event.target.dataset.choose === "project") send({ do: "open", project: event.target.value });
  });
  element.addEventListener("submit", event => {
    event.preventDefault();
    send({ ...Object.fromEntries(new FormData(event.target)), do: "export" });
  });
};
