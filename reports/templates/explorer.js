"use strict";
(() => {
  const section = document.getElementById("cells");
  const { heads, texts, rows } = JSON.parse(document.getElementById("cells-data").textContent);
  const PAGE = 100;

  // Where each column stands in a row: numbers take two places, what is shown and what is sorted by.
  let place = 0;
  const columns = heads.map(([heading, isNumber, hasFilter], index) => {
    const column = { heading, isNumber, hasFilter, index, shown: place, key: isNumber ? place + 1 : place };
    place += isNumber ? 2 : 1;
    return column;
  });
  const caseAt = place, ownAt = place + 1;
  // A column that says the same everywhere says nothing.
  const visible = columns.filter((column) => !column.index || rows.some((row) => row[column.shown] !== rows[0][column.shown]));
  const read = (row, column) => texts[row[column.shown]];
  const slug = (heading) => heading.replaceAll(" ", "-");
  const haystack = rows.map((row) => columns.map((column) => read(row, column)).join("\u0000").toLowerCase());

  const state = { search: "", filters: new Map(), sort: -1, down: false, own: "", shown: PAGE };

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // ------------------------------------------------------------------------------------------------------ controls
  const search = make("input", { type: "search", id: "cells-search", autocomplete: "off" });
  const controls = make("div", { className: "controls" });
  controls.append(make("label", { htmlFor: "cells-search" }, "search", search));
  for (const column of visible.filter((each) => each.hasFilter)) {
    const values = [...new Set(rows.map((row) => read(row, column)))];
    values.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const select = make("select", { id: `cells-${slug(column.heading)}` }, make("option", { value: "" }, "all"));
    select.append(...values.map((value) => make("option", { value }, value)));
    select.addEventListener("change", () => {
      if (select.value) state.filters.set(column.index, select.value);
      else state.filters.delete(column.index);
      changed();
    });
    column.select = select;
    controls.append(make("label", { htmlFor: select.id }, column.heading, select));
  }
  const clear = make("button", { type: "button" }, "show all");
  controls.append(clear);
  const count = make("p", { className: "aside" });
  count.setAttribute("role", "status");

  // --------------------------------------------------------------------------------------------------------- table
  const headRow = make("tr");
  for (const column of visible) {
    const button = make("button", { type: "button" }, column.heading);
    button.addEventListener("click", () => {
      state.down = state.sort === column.index && !state.down;
      state.sort = column.index;
      changed();
    });
    column.head = make("th", { scope: "col", className: column.isNumber ? "number" : "" }, button);
    headRow.append(column.head);
  }
  const body = make("tbody");
  const caption = make("caption", { className: "unseen" }, "All cells");
  const region = make("div", { className: "scroll", tabIndex: 0 }, make("table", {}, caption, make("thead", {}, headRow), body));
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "All cells");
  const more = make("button", { type: "button" }, `show ${PAGE} more`);
  more.addEventListener("click", () => {
    state.shown += PAGE;
    draw();
  });
  section.append(controls, count, region, more);

  const compare = (a, b) => {
    const { key, isNumber } = columns[state.sort];
    if (!isNumber) return texts[a[key]].localeCompare(texts[b[key]], "en", { numeric: true });
    if (a[key] === null || b[key] === null) return (a[key] === null) - (b[key] === null);
    return a[key] - b[key];
  };

  let found = [];
  const select = () => {
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter((row, number) => {
      if (state.own) return texts[row[ownAt]] === state.own;
      for (const [index, value] of state.filters) if (read(row, columns[index]) !== value) return false;
      return words.every((word) => haystack[number].includes(word));
    });
    if (state.sort >= 0) {
      const isMissing = (row) => columns[state.sort].isNumber && row[columns[state.sort].key] === null;
      // What has no number comes last, whichever way is up.
      found.sort((a, b) => (state.down && !isMissing(a) && !isMissing(b) ? -compare(a, b) : compare(a, b)));
    }
  };

  const drawRow = (row) => {
    const line = make("tr");
    for (const column of visible) {
      const shown = read(row, column);
      if (column.index === 0) {
        const own = make("a", { href: `#cell=${texts[row[ownAt]]}`, title: "the address of this cell" }, shown);
        line.append(make("th", { scope: "row" }, own));
      } else if (column.heading === "problem" && document.getElementById(texts[row[caseAt]])) {
        line.append(make("td", {}, make("a", { href: `#${texts[row[caseAt]]}` }, shown)));
      } else if (column.heading === "status" || column.heading === "verdict") {
        line.append(make("td", {}, make("span", { className: `badge ${shown.replaceAll(" ", "-")}` }, shown)));
      } else {
        line.append(make("td", { className: column.isNumber ? "number" : "text" }, shown));
      }
    }
    return line;
  };

  const draw = () => {
    body.replaceChildren(...found.slice(0, state.shown).map(drawRow));
    const shown = Math.min(state.shown, found.length);
    const all = rows.length.toLocaleString("en");
    count.textContent = found.length
      ? `${found.length.toLocaleString("en")} of ${all} cells; ${shown.toLocaleString("en")} shown`
      : `none of ${all} cells`;
    more.hidden = found.length <= state.shown;
    for (const column of visible) {
      if (column.index === state.sort) column.head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else column.head.removeAttribute("aria-sort");
    }
  };

  // -------------------------------------------------------------------------------------------------------- address
  const write = () => {
    const parts = new URLSearchParams();
    if (state.search) parts.set("search", state.search);
    for (const [index, value] of state.filters) parts.set(slug(columns[index].heading), value);
    if (state.sort >= 0) parts.set(state.down ? "down" : "up", slug(columns[state.sort].heading));
    const told = parts.toString();
    history.replaceState(null, "", told ? `#cells&${told}` : "#cells");
  };

  const follow = () => {
    const address = location.hash.slice(1);
    const isOurs = address.startsWith("cells") || address.startsWith("cell=");
    if (!isOurs) return;
    const parts = new URLSearchParams(address.replace(/^cells&?/, ""));
    state.own = parts.get("cell") ?? "";
    state.search = parts.get("search") ?? "";
    state.filters.clear();
    state.sort = -1;
    for (const column of columns) {
      const value = parts.get(slug(column.heading));
      if (column.select) column.select.value = value ?? "";
      if (column.select && value !== null && column.select.value === value) state.filters.set(column.index, value);
      for (const way of ["up", "down"]) {
        if (parts.get(way) === slug(column.heading)) [state.sort, state.down] = [column.index, way === "down"];
      }
    }
    search.value = state.search;
    state.shown = PAGE;
    select();
    draw();
    section.scrollIntoView();
  };

  const changed = () => {
    state.own = "";
    state.shown = PAGE;
    select();
    draw();
    write();
  };

  search.addEventListener("input", () => {
    state.search = search.value;
    changed();
  });
  clear.addEventListener("click", () => {
    Object.assign(state, { search: "", sort: -1, down: false });
    state.filters.clear();
    search.value = "";
    for (const column of columns) if (column.select) column.select.value = "";
    changed();
  });
  addEventListener("hashchange", follow);
  select();
  draw();
  follow();
})();
