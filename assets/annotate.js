/* The annotation room: keys, the time that a vote takes, and drafts. */
window.tiller.annotate = (element, send, watch) => {
  const $ = (selector, root = element) => root.querySelector(selector);
  const store = {
    get: key => { try { return localStorage.getItem("tiller-" + key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem("tiller-" + key, value); } catch { /* private mode */ } },
  };
  const CHOICES = { a: "A", b: "B", t: "tie", x: "bad" };
  const STRENGTHS = { 1: "1", 2: "2", 3: "3", 4: "" };
  const folded = new Map(); // fold-outs by data-key stay as they were left, guidelines for good
  let begun = false, waiting = null, saving = null, spent = 0, since = null;

  function said() {
    const form = $(".ballot"), room = $(".room");
    const data = { project: room?.dataset.project, comparison: room?.dataset.comparison, key: room?.dataset.key };
    if (!form) return data;
    const fields = new FormData(form), strength = fields.get("strength");
    return {
      ...data, begun, choice: fields.get("choice"), strength: strength ? Number(strength) : null,
      reasons: fields.getAll("reasons"), comment: fields.get("comment"), seconds: elapsed(),
    };
  }
  function act(what, more = {}) {
    if (waiting) return; // a second press while the first is on its way
    clearTimeout(saving);
    waiting = setTimeout(() => { waiting = null; }, 1500); // the answer may be lost: press again
    send({ ...said(), ...more, do: what });
  }
  function change() {
    begun = true;
    clearTimeout(saving);
    saving = setTimeout(() => send({ ...said(), do: "draft" }), 700);
  }

  // time counts while the page is looked at, by a clock that nobody sets
  const elapsed = () => (spent + (since === null ? 0 : performance.now() - since)) / 1000;
  function look(on) {
    if (since !== null) spent += performance.now() - since;
    since = on ? performance.now() : null;
  }
  setInterval(() => {
    const time = $("[data-time]");
    if (!time) return;
    const seconds = Math.floor(elapsed());
    time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }, 1000);
  document.addEventListener("visibilitychange", () => look(!document.hidden));

  function arrived() {
    clearTimeout(waiting);
    clearTimeout(saving);
    waiting = null;
    begun = false;
    spent = 0;
    since = document.hidden ? null : performance.now();
    const room = $(".room");
    // the page is patched in place, and what a person chose outlives the attributes that say otherwise
    $(".ballot")?.reset();
    for (const option of element.querySelectorAll("[data-choose] option")) option.selected = option.defaultSelected;
    if (room?.dataset.project) store.set("project", room.dataset.project);
    for (const fold of element.querySelectorAll("details[data-key]")) {
      const key = fold.dataset.key, guide = fold.classList.contains("guidelines");
      const left = folded.get(key) ?? (guide ? store.get(key) : null);
      if (left !== null) fold.open = String(left) === "true";
      else if (guide && innerWidth <= 860) fold.open = false;
    }
    takeFocus();
    if (element.offsetParent !== null) scrollTo({ top: 0, behavior: "instant" });
  }

  // keys are for the room once it is in front, not for the tab that was clicked
  function takeFocus() {
    const at = document.activeElement;
    if (element.offsetParent !== null && (at === document.body || at.closest("[role=tab], #annotate")))
      $(".room")?.focus({ preventScroll: true });
  }
  function pick(name, value) {
    const input = $(`[name=${name}][value="${value}"]`);
    if (!input) return;
    input.checked = true;
    change();
  }
  function press(event) {
    const at = event.target, key = event.key.toLowerCase();
    if (element.offsetParent === null || !$(".room") || event.defaultPrevented || event.isComposing) return;
    if (event.altKey || event.metaKey || (event.ctrlKey && key !== "enter")) return;
    const writing = at.closest?.("textarea, select, input:not([type=radio], [type=checkbox])");
    if (writing && !(event.ctrlKey && key === "enter")) return;
    if (at !== document.body && !element.contains(at) && key.length > 1) return; // keys of other buttons
    if (key === "enter" && at.closest?.("button, summary, a")) return;
    if (CHOICES[key]) pick("choice", CHOICES[key]);
    else if (key in STRENGTHS) pick("strength", STRENGTHS[key]);
    else if (key === "enter" && $(".ballot")) act("vote");
    else if (key === "s" && $("[data-do=skip]")) act("skip");
    else if (key === "backspace") act("back");
    else return;
    event.preventDefault();
  }

  element.addEventListener("submit", event => { event.preventDefault(); act("vote"); });
  element.addEventListener("click", event => {
    const button = event.target.closest("[data-do]");
    if (button) act(button.dataset.do, button.dataset.comparison ? { again: button.dataset.comparison } : {});
  });
  element.addEventListener("input", event => event.target.form && change());
  element.addEventListener("change", event => {
    if (event.target.dataset.choose === "project") act("next", { project: event.target.value });
  });
  element.addEventListener("toggle", ({ target }) => {
    if (!target.dataset?.key) return;
    folded.set(target.dataset.key, target.open);
    if (target.classList.contains("guidelines")) store.set(target.dataset.key, target.open);
  }, true);
  document.addEventListener("keydown", press);
  document.addEventListener("click", event =>
    event.detail && event.target.closest("[role=tab]") && requestAnimationFrame(takeFocus));
  watch("value", arrived);
  send({ do: "next", project: store.get("project") });
};
