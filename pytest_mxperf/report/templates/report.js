"use strict";
(() => {
  document.documentElement.classList.remove("no-script");
  const METRICS = { time: "time", macs: "MACs", flops: "FLOPs", params: "params", bytes: "bytes moved", activations: "activations", live: "alive" };
  const TIMES = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
  const COUNTS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const BYTES = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];

  const shown = (value, metric) => {
    const isBytes = metric === "bytes" || metric === "activations" || metric === "live";
    for (const [factor, suffix] of metric === "time" ? TIMES : isBytes ? BYTES : COUNTS) {
      if (value >= factor * 0.9995) {
        const scaled = value / factor;
        return `${scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0)} ${suffix}`;
      }
    }
    return isBytes ? `${value} B` : String(value);
  };

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // A line may end behind the parts of a layer's name, and nowhere else in a word.
  const breakable = (text) => text.split(/(?<=[_/])(?=[^_/])|(?<=[a-z]\.)(?=[a-z])/i).flatMap((part, index) => (index ? [make("wbr"), part] : [part]));

  // Tables: a click on a heading sorts, a second click turns the order around.
  const sortable = (table) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = make("button", { type: "button", textContent: heading.textContent.trim() });
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const isNumber = heading.classList.contains("n");
        const first = isNumber ? "descending" : "ascending";
        const other = isNumber ? "ascending" : "descending";
        const order = heading.getAttribute("aria-sort") === first ? other : first;
        headings.forEach((each) => each.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => {
          const text = row.cells[column].dataset.v ?? row.cells[column].textContent;
          return [isNumber ? Number(text) : text, row];
        });
        keyed.sort(([a], [b]) => sign * (isNumber ? a - b : a < b ? -1 : a > b ? 1 : 0));
        body.replaceChildren(...keyed.map(([, row]) => row));
      });
    });
  };
  document.querySelectorAll("table.sortable").forEach(sortable);

  // The overview: search and verdicts.
  const search = document.getElementById("search");
  const chips = [...document.querySelectorAll(".chip")];
  const rows = [...document.getElementById("models").tBodies[0].rows];
  const filter = () => {
    const wanted = new Set(chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.verdict));
    const text = search.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      const fits = row.cells[0].dataset.v.toLowerCase().includes(text)
        && (!wanted.size || row.dataset.verdicts.split(",").some((verdict) => wanted.has(verdict)));
      row.hidden = !fits;
      count += fits;
    }
    document.getElementById("shown").textContent = count === rows.length ? "" : `${count} of ${rows.length} models`;
  };
  search.addEventListener("input", filter);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }

  // Layers as a tree over the parts of their names; a part that has no sibling is one with what is below it.
  const treeOf = (data) => {
    const root = { name: "", children: new Map(), layers: [] };
    data.name.forEach((name, index) => {
      let node = root;
      for (const part of name.split(/[/_.]/).filter(Boolean)) {
        if (!node.children.has(part)) node.children.set(part, { name: part, children: new Map(), layers: [] });
        node = node.children.get(part);
      }
      node.layers.push(index);
    });
    return squeezed(root);
  };
  const squeezed = (node) => {
    let children = [...node.children.values()].map(squeezed);
    if (node.layers.length && children.length) {
      children.unshift({ name: node.name, children: [], layers: node.layers });
      return { name: node.name, children, layers: [] };
    }
    if (children.length === 1 && !node.layers.length) {
      const only = children[0];
      return { ...only, name: [node.name, only.name].filter(Boolean).join("_") };
    }
    return { name: node.name, children, layers: node.layers };
  };
  const weigh = (node, values) => {
    node.children.forEach((child) => weigh(child, values));
    node.value = node.layers.reduce((sum, index) => sum + values[index], 0)
      + node.children.reduce((sum, child) => sum + child.value, 0);
  };
  const depthOf = (node) => 1 + Math.max(0, ...node.children.map(depthOf));

  const ROW = 27;
  // About as many pixels as a text in a drawing takes.
  const wide = (text) => 6.8 * text.length;
  // Tol's "light" palette and one more, for the operators that weigh most; the last for all others.
  const KINDS = ["#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#aaaa00"];
  const OTHERS = "#cfd4dc", GROUP = "var(--group)";
  const drawMap = (place, data) => {
    const select = make("select", { ariaLabel: "Metric" });
    for (const [metric, label] of Object.entries(METRICS)) {
      if (metric !== "live" && data[metric]?.some((value) => value > 0)) select.append(make("option", { value: metric, textContent: label }));
    }
    const back = make("button", { type: "button", textContent: "Whole model", hidden: true });
    const map = make("div", { className: "icicle" });
    map.setAttribute("role", "group");
    map.setAttribute("aria-label", "Layers by the parts of their names; arrow keys move, Enter enlarges");
    const where = make("p", { className: "where" });
    where.setAttribute("role", "status");
    const legend = make("ul", { className: "legend" });
    const colours = new Map();
    const colourBy = (metric) => {
      const weights = new Map();
      data.op.forEach((op, index) => weights.set(op, (weights.get(op) ?? 0) + data[metric][index]));
      const heaviest = [...weights].filter(([, weight]) => weight > 0).sort(([, a], [, b]) => b - a).map(([op]) => op);
      colours.clear();
      heaviest.forEach((op, index) => colours.set(op, KINDS[index] ?? OTHERS));
      const entries = heaviest.slice(0, KINDS.length).map((op) => [op, colours.get(op)]);
      if (heaviest.length > KINDS.length) entries.push(["other operators", OTHERS]);
      entries.push(["several operators", GROUP]);
      legend.replaceChildren(...entries.map(([name, colour]) => {
        const entry = make("li", { textContent: name });
        entry.style.setProperty("--kind", colour);
        return entry;
      }));
    };
    const kindOf = (node) => {
      const kinds = new Set(node.layers.map((index) => data.op[index]));
      const [only] = kinds;
      return node.children.length || kinds.size !== 1 ? GROUP : colours.get(only) ?? OTHERS;
    };
    const root = treeOf(data);
    let top = root;

    const draw = (focus) => {
      const metric = select.value;
      weigh(root, data[metric]);
      colourBy(metric);
      const blocks = [], across = map.clientWidth;
      const lay = (node, path, left, width, level, parent) => {
        if (width < 0.12 || !node.value) return;
        const share = node.value / root.value;
        const title = [...path, node.name].filter(Boolean).join("_") || "whole model";
        const label = `${title}: ${shown(node.value, metric)} ${METRICS[metric]}, ${(100 * share).toFixed(1)}%`;
        const block = make("button", { type: "button", textContent: node.name || "whole model", title: label });
        block.setAttribute("aria-label", label);
        block.style.cssText = `left:${left}%;width:${width}%;top:${level * ROW}px`;
        const kind = kindOf(node);
        block.style.setProperty("--kind", kind);
        if (kind === GROUP) block.className = "group";
        // A name that is cut to a few letters says nothing: it is told when the block is pointed at.
        const room = width / 100 * across - 10;
        if (room < Math.min(70, wide(block.textContent))) block.textContent = "";
        block.tabIndex = -1;
        const entry = { block, node, level, parent, left };
        blocks.push(entry);
        block.addEventListener("focus", () => { where.textContent = label; });
        block.addEventListener("pointerenter", () => { where.textContent = label; });
        block.addEventListener("click", () => { if (node.children.length) { top = node; draw(true); } });
        block.addEventListener("keydown", (event) => {
          const level = (number) => blocks.filter((each) => each.level === number);
          const beside = level(entry.level);
          const next = {
            ArrowRight: beside[beside.indexOf(entry) + 1],
            ArrowLeft: beside[beside.indexOf(entry) - 1],
            ArrowUp: parent,
            ArrowDown: level(entry.level + 1).find((each) => each.parent === entry),
          }[event.key];
          if (next) { event.preventDefault(); next.block.focus(); }
          if (event.key === "Escape" && top !== root) { top = root; draw(true); }
        });
        let offset = left;
        for (const child of node.children) {
          const part = width * child.value / node.value;
          lay(child, [...path, node.name], offset, part, level + 1, entry);
          offset += part;
        }
      };
      lay(top, [], 0, 100, 0, undefined);
      back.hidden = top === root;
      map.style.height = `${depthOf(top) * ROW}px`;
      map.replaceChildren(...blocks.map(({ block }) => block));
      if (blocks.length) {
        blocks[0].block.tabIndex = 0;
        if (focus) blocks[0].block.focus();
      }
    };
    select.addEventListener("change", () => draw(false));
    back.addEventListener("click", () => { top = root; draw(true); });
    place.append(make("div", { className: "controls" }, make("label", {}, "By ", select), back), map, where, legend);
    if (select.options.length) draw(false);
  };

  const drawLayers = (place, data) => {
    const search = make("input", { type: "search", autocomplete: "off" });
    const count = make("span");
    count.setAttribute("role", "status");
    const head = make("tr");
    const metrics = Object.keys(METRICS).filter((key) => data[key]);
    const columns = [["layer", ""], ["operator", ""], ["output", ""], ...metrics.map((key) => [METRICS[key], key])];
    for (const [label, key] of columns) {
      const cell = make("th", { textContent: label, className: key && "n" });
      cell.scope = "col";
      head.append(cell);
    }
    const totals = Object.fromEntries(metrics.map((key) => [key, key === "live" ? Math.max(...data[key]) : data[key].reduce((a, b) => a + b, 0)]));
    const body = make("tbody");
    data.name.forEach((name, index) => {
      const row = make("tr", {}, ...[name, data.op[index], data.shape[index]].map((text) => make("td", {}, ...breakable(text))));
      for (const key of metrics) {
        const value = data[key][index];
        const cell = make("td", { className: "n", textContent: value ? shown(value, key) : "–" });
        cell.dataset.v = value;
        if (value) {
          const bar = make("span", { className: "share", title: `${(100 * value / totals[key]).toFixed(1)}%` });
          bar.style.setProperty("--w", `${(100 * value / totals[key]).toFixed(1)}%`);
          cell.append(bar);
        }
        row.append(cell);
      }
      body.append(row);
    });
    const all = [...body.rows];
    search.addEventListener("input", () => {
      const text = search.value.trim().toLowerCase();
      let fits = 0;
      for (const row of all) {
        row.hidden = !`${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase().includes(text);
        fits += !row.hidden;
      }
      count.textContent = fits === all.length ? "" : `${fits} of ${all.length} layers`;
    });
    const table = make("table", { className: "long named" }, make("thead", {}, head), body);
    sortable(table);
    const scroll = make("div", { className: "scroll long-scroll", tabIndex: 0 }, table);
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `Layers of ${place.dataset.name}`);
    place.append(make("div", { className: "controls" }, make("label", {}, "Search layers ", search), count, make("small", { textContent: "Bars: a layer's share of the model; of what is alive, its share of the peak" })), scroll);
  };

  const SVG = "http://www.w3.org/2000/svg";
  const draw = (tag, properties = {}, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  // A drawing: shapes are stretched to its box, dots and words are not. Positions are percentages.
  const figure = (place, caption, label, shapes, words) => {
    const svg = draw("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" }, ...shapes);
    const plot = make("div", { className: "plot" }, svg, ...words);
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", label);
    place.append(make("figure", {}, make("figcaption", {}, ...breakable(caption)), plot));
  };
  const word = (kind, left, top, text) => {
    const span = make("span", { className: kind, textContent: text });
    if (left !== null) span.style.left = `${left}%`;
    if (top !== null) span.style.top = `${top}%`;
    return span;
  };
  const line = (kind, d) => draw("path", { class: kind, d });
  // On the side of a point where there is more room.
  const beside = (x, y, text, isLeft = x > 50) => {
    const span = word(isLeft ? "in left" : "in", x, y, text);
    span.style.maxWidth = `${isLeft ? x : 100 - x}%`;
    return span;
  };
  // Round values from 0 up to a size in bytes.
  const roundBytes = (most) => {
    const unit = BYTES.find(([factor]) => most >= factor)?.[0] ?? 1;
    const rough = most / unit / 4, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((times) => times * power >= rough) * power * unit;
    return [...Array(Math.floor(most / step) + 1).keys()].map((times) => times * step);
  };

  // The activations that are alive while each layer runs.
  const drawMemory = (place, data) => {
    const peak = Math.max(...data.live);
    if (!(peak > 0)) return;
    const high = 1.05 * peak, step = 100 / data.live.length;
    const at = data.live.indexOf(peak);
    const y = (value) => (100 * (1 - value / high)).toFixed(2);
    const points = data.live.flatMap((value, index) => [`${(index * step).toFixed(2)},${y(value)}`, `${((index + 1) * step).toFixed(2)},${y(value)}`]);
    const x = (at + 0.5) * step;
    const told = `${shown(peak, "live")} at ${data.name[at]}`;
    const ticks = roundBytes(peak);
    figure(place, `Activations that are alive while each layer runs, at most ${told}. Parameters and inputs are not among them`,
      `Activations over the execution; the peak is ${told}`,
      [...ticks.map((tick) => line("grid", `M0 ${y(tick)}H100`)), draw("polygon", { points: `0,100 ${points.join(" ")} 100,100` }), line("level2", `M${x} ${y(peak)}V100`)],
      [...ticks.map((tick) => word("y", null, y(tick), shown(tick, "live"))),
        beside(x, y(peak), "peak"), word("x first", 0, null, "first layer"), word("x last", 100, null, "last layer")]);
  };

  // The names of up to five points, the first ones first: none covers another, and as few points as can be.
  const labels = (points, dots, width) => {
    const height = 192, taken = [{ left: width - 110, right: width, top: height - 20, bottom: height }]; // the axis's name
    for (const [name, x, y] of points) {
      const boxOf = (isLeft) => {
        const left = x / 100 * width - (isLeft ? wide(name) + 14 : 0), top = Math.min(y / 100 * height, height - 17);
        const holds = ([across, down]) => across > left + 3 && across < left + wide(name) + 11 && down > top - 4 && down < top + 20;
        const covers = dots.filter(([across, down]) => holds([across / 100 * width, down / 100 * height])).length;
        return { name, x, y: 100 * top / height, isLeft, left, right: left + wide(name) + 14, top, bottom: top + 17, covers };
      };
      const fits = (box) => box.left >= 0 && box.right <= width
        && taken.every((other) => box.right < other.left || other.right < box.left || box.bottom < other.top || other.bottom < box.top);
      const [best] = [boxOf(false), boxOf(true)].filter(fits).sort((a, b) => a.covers - b.covers);
      if (best) taken.push(best);
      if (taken.length === 6) break;
    }
    return taken.slice(1).map(({ name, x, y, isLeft }) => beside(x, y, name, isLeft));
  };

  // Layers against what the processor can do, on logarithmic axes.
  const drawRoofline = (place, data) => {
    if (!data.peaks) return;
    const { timed, peaks } = data;
    const roof = peaks.flops.float32, ridge = roof / peaks.bytes;
    const dots = timed.name.map((name, index) => ({ name, x: timed.flops[index] / timed.bytes[index], y: timed.flops[index] / timed.seconds[index], seconds: timed.seconds[index] }))
      .filter(({ x, y }) => x > 0 && y > 0 && Number.isFinite(x) && Number.isFinite(y));
    if (!dots.length) return;
    const span = (values) => [Math.min(...values) / 1.7, Math.max(...values) * 1.7];
    const [left, right] = span([...dots.map(({ x }) => x), ridge]);
    const [low, high] = span([...dots.map(({ y }) => y), roof]);
    const across = (x) => 100 * Math.log(x / left) / Math.log(right / left);
    const up = (y) => 100 * (1 - Math.log(Math.max(y, low) / low) / Math.log(high / low));
    const powers = (from, to) => [...Array(41).keys()].map((power) => 10 ** (power - 20)).filter((value) => from <= value && value <= to);
    const [columns, rows] = [powers(left, right), powers(low, high)];
    const start = Math.max(left, low / peaks.bytes);
    const limit = [[start, start * peaks.bytes], [ridge, roof], [right, roof]].map(([x, y]) => `${across(x).toFixed(2)},${up(y).toFixed(2)}`);
    dots.sort((a, b) => b.seconds - a.seconds);
    const circles = dots.map(({ name, x, y, seconds }, index) => {
      const title = `${index + 1}. ${name}: ${shown(seconds, "time")}, ${(y / 1e9).toFixed(1)} GFLOP/s at ${x.toFixed(1)} FLOPs a byte`;
      const dot = draw("path", { class: "dot layer-dot", d: `M${across(x).toFixed(2)} ${up(y).toFixed(2)}h0` }, draw("title", {}, title));
      dot.style.setProperty("--size", (6 + 14 * Math.sqrt(seconds / dots[0].seconds)).toFixed(1));
      return dot;
    });
    const lost = ({ x, y, seconds }) => seconds * (1 - y / Math.min(roof, x * peaks.bytes));
    const losing = dots.filter((each) => lost(each) > 0).sort((a, b) => lost(b) - lost(a));
    const named = labels(losing.map(({ name, x, y }) => [name, across(x), up(y)]), dots.map(({ x, y }) => [across(x), up(y)]), place.clientWidth - 75);
    figure(place, `Each timed layer; the larger, the longer it takes. The line is what one core can do: ${(roof / 1e9).toFixed(0)} GFLOP/s and ${(peaks.bytes / 1e9).toFixed(1)} GB/s. A layer far below it is a lead. Both axes are logarithmic`,
      "Roofline of the timed layers; the table above has their numbers",
      [...columns.map((x) => line("grid", `M${across(x).toFixed(2)} 0V100`)), ...rows.map((y) => line("grid", `M0 ${up(y).toFixed(2)}H100`)),
        draw("polyline", { class: "roof", points: limit.join(" ") }), ...circles],
      [...rows.map((y) => word("y", null, up(y), String(y / 1e9))), ...columns.map((x) => word("x", across(x), null, String(x))),
        word("unit up", null, null, "GFLOP/s ↑"), word("unit across", null, null, "FLOPs per byte →"), ...named]);
  };

  // A model is drawn when it is opened: a report has many.
  const open = (model) => {
    const island = model.querySelector("script[type='application/json']");
    if (!model.open || !island || model.dataset.drawn) return;
    model.dataset.drawn = "yes";
    const data = JSON.parse(island.textContent);
    for (const [key, { known, at }] of Object.entries(data)) if (known) data[key] = at.map((place) => known[place]);
    drawMap(model.querySelector(".map"), data);
    drawMemory(model.querySelector(".memory"), data);
    const roofline = model.querySelector(".roofline");
    if (roofline) drawRoofline(roofline, data);
    drawLayers(model.querySelector(".layers"), data);
  };
  const models = [...document.querySelectorAll("details.model")];
  for (const model of models) {
    model.addEventListener("toggle", () => open(model));
    open(model);
  }
  const follow = () => {
    const model = /^#m\d+$/.test(location.hash) && document.querySelector(location.hash);
    if (model) { model.open = true; model.scrollIntoView(); model.querySelector("summary").focus(); }
  };
  addEventListener("hashchange", follow);
  follow();
  // The toggle event comes after the page has been laid out for the printer.
  addEventListener("beforeprint", () => models.forEach((model) => { model.open = true; open(model); }));
})();
