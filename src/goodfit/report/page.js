(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const PAPER = 680;
  const hidden = new Set();
  const touch = matchMedia("(pointer: coarse)").matches;

  // A colour in a figure is the name of a CSS variable: only keys that end in "color" are looked at, never the data.
  const paint = (node, style) => {
    if (Array.isArray(node)) return node.map((item) => (item && typeof item === "object" ? paint(item, style) : item));
    return Object.fromEntries(Object.entries(node).map(([key, value]) => {
      if (value && typeof value === "object") return [key, paint(value, style)];
      const name = /color$/.test(key) && /^var\((--[\w-]+)\)$/.exec(value);
      return [key, name ? style.getPropertyValue(name[1]).trim() : value];
    }));
  };

  const draw = (id) => {
    const { data, layout } = paint(figures[id], getComputedStyle(root));
    const seen = (item) => !hidden.has(`${id} ${item.legendgroup || item.name}`);
    for (const part of ["shapes", "annotations"]) if (layout[part]) layout[part] = layout[part].filter(seen);
    if (touch) layout.dragmode = false;
    if ("print" in root.dataset) layout.width = Math.min(document.getElementById(id).clientWidth, PAPER);
    return Plotly.react(id, data.filter(seen), layout, { displayModeBar: false, responsive: true });
  };
  // A figure in a closed box may have no width: it is drawn when the box is opened.
  const visible = (id) => !document.getElementById(id).closest("details:not([open])");
  const drawAll = () => Promise.all(Object.keys(figures).filter(visible).map(draw));
  document.addEventListener("toggle", ({ target }) => {
    for (const plot of target.querySelectorAll(".plot")) if (visible(plot.id)) draw(plot.id);
  }, true);

  for (const box of document.querySelectorAll("input[data-figure]")) {
    const { figure, group } = box.dataset;
    const apply = () => hidden[box.checked ? "delete" : "add"](`${figure} ${group}`);
    box.addEventListener("change", () => { apply(); draw(figure); });
    apply();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { root.dataset.print = ""; drawAll(); });
  addEventListener("afterprint", () => { delete root.dataset.print; drawAll(); });
  drawAll().then(() => { root.dataset.drawn = "yes"; });
})();
