
"use strict";
(() => {
  const form = document.getElementById("filters");
  const search = document.getElementById("search");
  const state = document.getElementById("state");
  const count = document.getElementById("count");
  const boxes = [...form.querySelectorAll("[name=severity]")];
  const findings = [...document.querySelectorAll("#findings tbody tr")];
  const drift = [...document.querySelectorAll("#drift tr[data-row]")];
  const hosts = [...document.querySelectorAll(".host")];
  const texts = new WeakMap();

  // Text of an element, read once: pages of large fleets have megabytes of it.
  const text = (element) => {
    let known = texts.get(element);
    if (known === undefined) {
      known = element.textContent.toLowerCase();
      texts.set(element, known);
    }
    return known;
  };

  const fits = (host) => {
    switch (state.value) {
      case "findings": return host.dataset.worst !== "none";
      case "high": return host.dataset.worst === "high";
      case "changes": return "changes" in host.dataset;
      case "silent": return host.dataset.state !== "ok";
      default: return true;
    }
  };

  const show = (element, shown) => {
    if (element.hidden === shown) element.hidden = !shown;
    return shown;
  };

  const apply = () => {
    const wanted = search.value.trim().toLowerCase();
    const severities = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const every = severities.size === boxes.length;
    let found = 0, seen = 0;
    for (const row of findings) {
      if (show(row, severities.has(row.dataset.severity) && text(row).includes(wanted))) found += 1;
    }
    for (const row of drift) show(row, text(row).includes(wanted));
    for (const host of hosts) {
      const severe = every || host.dataset.severities.split(" ").some((one) => severities.has(one));
      if (!show(host, severe && fits(host) && text(host).includes(wanted))) continue;
      seen += 1;
      // A host that is meant by its name is shown as a whole, another one with what was looked for.
      const whole = !wanted || text(host.querySelector("summary")).includes(wanted);
      if (whole && !host.dataset.narrowed && every) continue;
      host.dataset.narrowed = whole && every ? "" : "yes";
      for (const row of host.querySelectorAll("[data-row]")) {
        const severe = !row.dataset.severity || severities.has(row.dataset.severity);
        show(row, severe && (whole || text(row).includes(wanted)));
      }
    }
    const none = document.getElementById("nofinding");
    if (none) none.hidden = found > 0;
    document.getElementById("nohost").hidden = seen > 0 || hosts.length === 0;
    count.textContent = `${seen} of ${hosts.length} hosts, ${found} of ${findings.length} findings`;
  };

  let waiting = 0;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  };
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details")) {
      target.hidden = false;
      target.open = true;
      target.scrollIntoView();
    }
  };

  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", open);
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details:not(.where details)")) one.open = true;
  });
  form.hidden = false;
  apply();
  open();
})();
