"use strict";
// The log as a list that shows only what is in view, filtered by member, level and text; zoom and
// a cursor for the timeline. All text is set as text: nothing of it becomes markup.
(() => {
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const HEIGHT = 20;
  const LEVELS = {
    "": ["All levels", () => true],
    output: ["Output", (level) => level === "out" || level === "err"],
    err: ["Standard error", (level) => level === "err"],
    words: ["Words of the kitchen", (level) => level !== "out" && level !== "err"],
    warn: ["Warnings and errors", (level) => level === "warn" || level === "error"],
    error: ["Errors", (level) => level === "error"],
  };

  function log() {
    const plain = document.getElementById("plain");
    const lines = [];
    const whos = new Map();
    for (const piece of plain.children) {
      const text = piece.textContent;
      for (let from = 0; from < text.length; ) {
        let end = text.indexOf("\n", from);
        if (end < 0) end = text.length;
        const a = text.indexOf("\t", from);
        const b = text.indexOf("\t", a + 1);
        const c = text.indexOf("\t", b + 1);
        const who = text.slice(a + 1, b);
        whos.set(who, (whos.get(who) || 0) + 1);
        lines.push({ at: +text.slice(from, a), who, level: text.slice(b + 1, c), text: text.slice(c + 1, end), low: null });
        from = end + 1;
      }
    }
    if (!lines.length) return null;
    const names = [...whos.keys()].filter((who) => who).sort();
    const wide = Math.min(28, Math.max(4, ...names.map((name) => name.length)));
    const hue = new Map(names.map((name, index) => [name, Math.round((index * 137.5 + 210) % 360)]));

    const tools = make("div", "tools");
    const member = make("select");
    member.setAttribute("aria-label", "Member");
    member.append(new Option("All members", ""));
    for (const name of names) member.append(new Option(`${name} (${whos.get(name)})`, name));
    const level = make("select");
    level.setAttribute("aria-label", "Level");
    for (const key of Object.keys(LEVELS)) level.append(new Option(LEVELS[key][0], key));
    const find = make("input");
    find.type = "search";
    find.placeholder = "Text, or /expression/";
    find.setAttribute("aria-label", "Text");
    const count = make("output");
    tools.append(member, level, find, count);
    const view = make("div", "lines");
    view.tabIndex = 0;
    view.setAttribute("role", "listbox");
    view.setAttribute("aria-label", "Lines of the log");
    const room = make("div");
    view.append(room);
    const full = make("pre", "full");
    const keys = make("p", "keys", "Keys: / to search, arrows to move, Escape to show everything.");
    plain.replaceWith(tools, view, full, keys);

    let shown = lines;
    let chosen = -1;
    const matcher = () => {
      const text = find.value;
      const expression = /^\/(.+)\/$/.exec(text);
      find.classList.remove("wrong");
      if (expression) {
        try {
          const pattern = new RegExp(expression[1], "i");
          return (line) => pattern.test(line.text);
        } catch {
          find.classList.add("wrong");
        }
      }
      const low = text.toLowerCase();
      if (!low) return null;
      return (line) => (line.low ??= line.text.toLowerCase()).includes(low);
    };
    const filter = () => {
      const began = performance.now();
      const keep = chosen >= 0 ? shown[chosen] : null;
      const who = member.value;
      const fits = LEVELS[level.value][1];
      const matches = matcher();
      const every = !who && !level.value && !matches;
      shown = every ? lines : lines.filter((line) => (!who || line.who === who) && fits(line.level) && (!matches || matches(line)));
      count.textContent = `${shown.length.toLocaleString("en")} of ${lines.length.toLocaleString("en")} lines`;
      room.style.height = `${shown.length * HEIGHT}px`;
      chosen = keep ? shown.indexOf(keep) : -1;
      if (chosen >= 0) reveal(chosen);
      draw();
      view.dataset.took = (performance.now() - began).toFixed(1);
    };
    const row = (line, index) => {
      const element = make("div", `row ${line.level}${index === chosen ? " on" : ""}`);
      element.style.top = `${index * HEIGHT}px`;
      element.setAttribute("role", "option");
      element.setAttribute("aria-selected", String(index === chosen));
      element.append(make("i", "", line.at.toFixed(3)));
      const who = make("b", "", line.who);
      who.style.width = `calc(${wide}ch + 1rem)`;
      if (hue.has(line.who)) who.style.color = `light-dark(hsl(${hue.get(line.who)} 65% 34%), hsl(${hue.get(line.who)} 65% 72%))`;
      element.append(who, line.text);
      element.addEventListener("click", () => choose(index));
      return element;
    };
    const draw = () => {
      const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - 10);
      const last = Math.min(shown.length, first + Math.ceil(view.clientHeight / HEIGHT) + 20);
      const rows = [];
      for (let index = first; index < last; index++) rows.push(row(shown[index], index));
      room.replaceChildren(...rows);
    };
    const reveal = (index) => {
      const top = index * HEIGHT;
      if (top < view.scrollTop || top + HEIGHT > view.scrollTop + view.clientHeight) view.scrollTop = top - view.clientHeight / 2;
    };
    const choose = (index) => {
      if (!shown.length) return;
      chosen = Math.min(Math.max(index, 0), shown.length - 1);
      reveal(chosen);
      const line = shown[chosen];
      full.textContent = `+${line.at.toFixed(3)} s  ${line.who}\n${line.text}`;
      draw();
    };
    const at = (seconds, who) => {
      member.value = names.includes(who) ? who : "";
      level.value = "";
      find.value = "";
      chosen = -1;
      filter();
      let low = 0;
      for (let high = shown.length; low < high; ) {
        const middle = (low + high) >> 1;
        if (shown[middle].at < seconds) low = middle + 1;
        else high = middle;
      }
      choose(low);
      document.getElementById("log").scrollIntoView();
      view.focus({ preventScroll: true });
    };
    let waiting = 0;
    view.addEventListener("scroll", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(draw);
    });
    new ResizeObserver(draw).observe(view);
    view.addEventListener("keydown", (event) => {
      const page = Math.floor(view.clientHeight / HEIGHT);
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      if (event.key in moves) {
        event.preventDefault();
        choose((chosen < 0 ? Math.floor(view.scrollTop / HEIGHT) - 1 : chosen) + moves[event.key]);
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/INPUT|SELECT/.test(event.target.tagName)) {
        event.preventDefault();
        find.focus();
      } else if (event.key === "Escape" && (find.value || member.value || level.value)) {
        find.value = member.value = level.value = "";
        filter();
      }
    });
    for (const tool of [member, level, find]) tool.addEventListener("input", filter);
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a.jump");
      if (!link) return;
      event.preventDefault();
      at(+link.dataset.at, link.dataset.who);
    });
    filter();
    return at;
  }

  function timeline(figure) {
    const scroll = figure.querySelector(".scroll");
    const lanes = figure.querySelector(".lanes");
    let zoom = 1;
    const set = (wanted) => {
      const names = lanes.querySelector(".name").offsetWidth;
      const middle = (scroll.scrollLeft + (scroll.clientWidth - names) / 2) / zoom;
      zoom = Math.min(Math.max(wanted, 1), 200);
      lanes.style.setProperty("--zoom", zoom);
      scroll.scrollLeft = middle * zoom - (scroll.clientWidth - names) / 2;
    };
    for (const [sign, label, factor] of [["−", "Zoom out", 0.5], ["+", "Zoom in", 2], ["Fit", "Show everything", 0]]) {
      const button = make("button", "", sign);
      button.type = "button";
      button.title = label;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", () => set(factor ? zoom * factor : 1));
      figure.querySelector(".zoom").append(button);
    }
    // One stop for the tab key; arrows go from bar to bar.
    const rows = [...lanes.querySelectorAll(".lane")].map((lane) => [...lane.querySelectorAll(".bar")]).filter((bars) => bars.length);
    rows.flat().forEach((bar, index) => (bar.tabIndex = index ? -1 : 0));
    lanes.addEventListener("keydown", (event) => {
      const y = rows.findIndex((bars) => bars.includes(event.target));
      if (y < 0) return;
      const x = rows[y].indexOf(event.target);
      const near = (bars) => {
        const left = parseFloat(event.target.style.left);
        return bars?.reduce((best, bar) => (Math.abs(parseFloat(bar.style.left) - left) < Math.abs(parseFloat(best.style.left) - left) ? bar : best));
      };
      const next = { ArrowRight: () => rows[y][x + 1], ArrowLeft: () => rows[y][x - 1], ArrowDown: () => near(rows[y + 1]), ArrowUp: () => near(rows[y - 1]) }[event.key]?.();
      if (next) {
        event.preventDefault();
        event.target.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    });
    return { scroll, lanes };
  }

  const jump = log();
  const seconds = +document.body.dataset.seconds;
  for (const figure of document.querySelectorAll(".timeline")) {
    const { lanes } = timeline(figure);
    const cursor = make("div", "cursor");
    const label = make("b");
    cursor.append(label);
    cursor.hidden = true;
    lanes.append(cursor);
    const moment = (event) => {
      const track = lanes.querySelector(".track").getBoundingClientRect();
      const part = (event.clientX - track.left) / track.width;
      return part >= 0 && part <= 1 ? { part, left: event.clientX - lanes.getBoundingClientRect().left } : null;
    };
    lanes.addEventListener("pointermove", (event) => {
      const here = moment(event);
      cursor.hidden = !here;
      if (!here) return;
      cursor.style.left = `${here.left}px`;
      label.textContent = `+${(here.part * seconds).toFixed(3)} s`;
    });
    lanes.addEventListener("pointerleave", () => (cursor.hidden = true));
    lanes.addEventListener("dblclick", (event) => {
      const here = moment(event);
      if (here && jump) jump(here.part * seconds, "");
    });
  }
  document.body.dataset.ready = "yes";
})();
