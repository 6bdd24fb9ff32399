/* What the page needs beyond Gradio: one event for all buttons, the picker, dialogs, the drawer,
   the theme, and keeping place and focus while the thread changes. */
window.tiller = (() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const store = {
    get: key => { try { return localStorage.getItem("tiller-" + key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem("tiller-" + key, value); } catch { /* private mode */ } },
  };
  const box = () => $("#message textarea");
  const open = new Map(); // fold-outs by data-key, so that a new turn leaves them as they are
  const chosen = new Map(); // the picker: id -> name

  // light and dark: the system's choice until a person makes their own
  function setTheme(dark) { document.body.classList.toggle("dark", dark); }
  function initTheme() {
    const mine = store.get("theme");
    if (mine) setTheme(mine === "dark");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", event => {
      if (!store.get("theme")) setTheme(event.matches);
    });
  }
  function toggleTheme() {
    const dark = !document.body.classList.contains("dark");
    setTheme(dark);
    store.set("theme", dark ? "dark" : "light");
  }

  // the list of conversations on a narrow page
  function drawer(show = !document.body.classList.contains("drawer-open")) {
    document.body.classList.toggle("drawer-open", show);
    $(".top [data-do=drawer]")?.setAttribute("aria-expanded", String(show));
    (show ? $("#side-head .new") : $(".top [data-do=drawer]"))?.focus();
  }

  function ask(id, fill, then) {
    const dialog = $("#" + id);
    fill(dialog);
    dialog.returnValue = "cancel"; // Escape leaves it so
    $("[data-cancel]", dialog).onclick = () => dialog.close("cancel");
    dialog.addEventListener("close", () => dialog.returnValue === "ok" && then(dialog), { once: true });
    dialog.showModal();
  }

  // buttons that ask, or do something on the page, before (or instead of) an event
  const local = {
    theme: toggleTheme,
    drawer: () => drawer(),
    rename: ({ id, title }, send) => ask("ask-rename",
      dialog => { $("input", dialog).value = title; setTimeout(() => $("input", dialog).select()); },
      dialog => send({ do: "rename", id, title: $("input", dialog).value })),
    delete: ({ id, title }, send) => ask("ask-delete",
      dialog => { $("[data-name]", dialog).textContent = title; },
      () => send({ do: "delete", id })),
    lab_promote: ({ name, before }, send) => ask("ask-promote",
      dialog => { $("[data-name]", dialog).textContent = name; $("[data-before]", dialog).textContent = before; },
      () => send({ do: "lab_promote", name })),
    lab_rollback: (data, send) => send({ do: "lab_rollback" }),
    forget_me: (data, send) => ask("ask-forget", () => {}, () => send({ do: "forget_me" })),
    pick: ({ id, name }, send, button) => { choose(id, name, !chosen.has(id)); button.focus(); },
    skip: (data, send, button) => {
      const tile = button.closest(".tile"), next = tile.nextElementSibling ?? tile.previousElementSibling;
      tile.remove();
      $("button", next ?? $(".picker"))?.focus();
    },
    skip_picker: () => { store.set("picker", "later"); $(".picker").open = false; $(".picker summary").focus(); },
    lab_copy: ({ link }, send, button) => {
      const address = `${location.origin}${location.pathname}?lab=${link}`;
      navigator.clipboard?.writeText(address).then(() => { button.textContent = "Copied"; }, () => prompt("The link", address));
    },
    picked: (data, send) => { send({ do: "picked", ids: [...chosen.keys()] }); chosen.clear(); },
  };
  const toBox = new Set(["edit", "cancel_edit", "say", "bring", "picked", "new", "open", "retry", "undo", "redo"]);

  function click(event, send) {
    const button = event.target.closest("[data-do]");
    if (!button || button.disabled) return;
    const data = { ...button.dataset };
    if (button.hasAttribute("aria-pressed") && data.do !== "pick") button.setAttribute("aria-pressed", "true");
    if (local[data.do]) local[data.do](data, send, button);
    else send(/^(lab|project)_/.test(data.do) ? { ...data, form: fields(button.closest("[data-form]")) } : data);
    if (["new", "open"].includes(data.do) && document.body.classList.contains("drawer-open")) drawer(false);
    // a button that goes away with its click hands the focus on
    if (data.do === "remove") refocus(button);
    else if (["lab_say", "lab_add", "lab_remove"].includes(data.do)) back = data.do === "lab_say" ? "lab_say" : "lab_add";
    else if (data.do === "consent") back = "consent";
    else if (toBox.has(data.do) && !matchMedia("(pointer: coarse)").matches) box()?.focus();
  }
  let back = null; // the button that has the focus once the Lab's form, or the side, is back
  // every button of a form sends along what stands in it, each field as a list; without one, the Lab's
  function fields(form = null) {
    form ??= $("#lab [data-form]");
    const out = {};
    for (const [name, value] of form ? new FormData(form) : []) (out[name] ??= []).push(value);
    return out;
  }
  function refocus(button) {
    const all = [...document.querySelectorAll(".chip")], at = all.indexOf(button);
    const next = all[at + 1] ?? all[at - 1];
    next ? next.focus() : box()?.focus();
  }

  // the picker of known items
  function choose(id, name, on) {
    on ? chosen.set(id, name) : chosen.delete(id);
    showChosen();
  }
  function showChosen() {
    for (const button of document.querySelectorAll("[data-do=pick]"))
      button.setAttribute("aria-pressed", String(chosen.has(button.dataset.id)));
    const done = $("[data-do=picked]"), words = $("[data-picker=chosen]");
    if (!done) return;
    done.disabled = chosen.size === 0;
    words.textContent = chosen.size ? [...chosen.values()].join(", ") : "None chosen yet";
  }
  let searches = 0, timer;
  function search(input, server) {
    clearTimeout(timer);
    const number = ++searches, query = input.value.trim(), picker = input.closest(".picker");
    picker.classList.toggle("searching", Boolean(query));
    timer = setTimeout(async () => {
      const found = query ? await server.search(query) : "";
      if (number !== searches) return; // a later one is on its way
      $("[data-picker=found]", picker).innerHTML = found;
      showChosen();
    }, query ? 150 : 0);
  }

  // after every change of the thread
  let turns = null;
  function arrived(element) {
    for (const fold of element.querySelectorAll("details[data-key]")) {
      if (open.has(fold.dataset.key)) fold.open = open.get(fold.dataset.key);
      else if (fold.classList.contains("picker") && store.get("picker") === "later") fold.open = false;
    }
    if (element.id !== "thread" && !element.closest("#thread")) return;
    showChosen();
    const all = element.querySelectorAll(".turn"), count = all.length && Number(all[all.length - 1].dataset.turn);
    // the newest message goes to the top, so that an answer is read from its start
    if (turns !== null && count > turns) all[all.length - 1].scrollIntoView({ block: "start", behavior: "instant" });
    else if (turns === null && count) all[all.length - 1].scrollIntoView({ block: "start", behavior: "instant" });
    else if (!count) window.scrollTo(0, 0);
    turns = count;
    if (document.activeElement === document.body && !matchMedia("(pointer: coarse)").matches) box()?.focus({ preventScroll: true });
  }

  // what was asked for below the window comes into it
  function shown(element) {
    if (element.getBoundingClientRect().top > innerHeight * .6) element.scrollIntoView({ block: "start" });
  }

  function save(text) {
    if (!text) return;
    const file = JSON.parse(text), link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file.text], { type: "application/json" }));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function wire(element, send, watch, server, props) {
    // progress is drawn anew all the time, and its Stop with it, even between a button's way down and up
    const stops = event => event.target.closest("[data-do$=_stop]");
    element.addEventListener("pointerdown", event => { if (stops(event) && event.button === 0) click(event, send); });
    element.addEventListener("click", event => { if (!stops(event) || event.detail === 0) click(event, send); });
    element.addEventListener("toggle", event => event.target.dataset?.key && open.set(event.target.dataset.key, event.target.open), true);
    element.addEventListener("input", event => event.target.dataset.picker === "search" && search(event.target, server));
    element.addEventListener("change", event => { // a facet was chosen: offer its values
      if (!/facet$/.test(event.target.name)) return;
      const values = $("[data-values]", event.target.closest(".line"));
      values.setAttribute("list", `lab-values-${event.target.value}`);
      values.value = "";
    });
    element.addEventListener("keydown", event => {
      if (event.key !== "Enter" || event.isComposing || !event.target.dataset.enter) return;
      event.preventDefault();
      $(`[data-do=${event.target.dataset.enter}]`).click();
    });
    const id = element.closest("[id]:not([id^=html-])")?.id;
    if (id === "in-force") new ResizeObserver(([dock]) =>
      document.documentElement.style.setProperty("--t-dock-height", `${dock.target.offsetHeight}px`)).observe(element.closest("#dock"));
    watch("value", () => {
      if (id === "download") save(props.value);
      else if (["lab-form", "project-form", "side-list"].includes(id)) { $("form", element)?.reset(); arrived(element); if (back) $(`[data-do=${back}]`, element)?.focus(); back = null; }
      else if (["lab-result", "lab-curve"].includes(id)) { arrived(element); shown($("#" + id)); }
      else if (id === "lab-models") { arrived(element); $(".lab-note:not(:empty)", element)?.scrollIntoView({ block: "center" }); }
      else if (id === "live") requestAnimationFrame(() => $(".pending", element)?.scrollIntoView({ block: "start", behavior: "instant" }));
      else arrived(element);
    });
  }

  addEventListener("keydown", event => {
    if (event.key === "Escape" && document.body.classList.contains("drawer-open")) drawer(false);
    // Enter that ends an input method's composition is not meant to send
    if (event.key === "Enter" && event.isComposing && event.target === box()) event.stopImmediatePropagation();
  }, true);
  addEventListener("click", event => {
    if (document.body.classList.contains("drawer-open") && !event.target.closest("#side, .top, dialog")) drawer(false);
  });
  // the session is over, here or in another tab: start anew, which leads to the sign-in
  const plainFetch = window.fetch;
  window.fetch = async (...request) => {
    const answer = await plainFetch(...request);
    if (answer.status === 401) location.reload();
    return answer;
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", initTheme) : initTheme();
  return { wire };
})();
