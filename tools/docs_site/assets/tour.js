// Draws the figures of the tour in the colours of the page's palette, and anew where that is changed.
(() => {
  "use strict";
  const plots = [...document.querySelectorAll(".plot")];
  const figures = new Map(plots.map((plot) => [plot, JSON.parse(plot.querySelector("script").textContent)]));
  const root = document.documentElement;
  let drawings = 0;

  const inks = () => {
    const style = getComputedStyle(document.body);
    const ink = style.color;
    return { ink, grid: style.getPropertyValue("--md-default-fg-color--lightest").trim() || "rgba(128,128,128,.2)" };
  };

  const painted = (layout, { ink, grid }) => {
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: ink, tickcolor: ink };
    const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
    return {
      ...layout,
      ...Object.fromEntries(axes.map((key) => [key, { ...layout[key], ...axis }])),
      annotations: (layout.annotations || []).map((note) => ({ ...note, font: { ...note.font, color: ink } })),
      font: { ...layout.font, color: ink },
      hoverlabel: { bgcolor: "#ffffff", font: { color: "#333333" } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
    };
  };

  const draw = async () => {
    const colours = inks();
    for (const [plot, { data, layout }] of figures) {
      await Plotly.react(plot, data, painted(layout, colours), { displayModeBar: false, responsive: true });
    }
    drawings += 1;
    root.dataset.drawn = String(drawings);
  };

  if (!plots.length) return;
  const plotly = document.createElement("script");
  plotly.src = new URL("plotly.min.js", document.currentScript.src);
  plotly.onload = () => {
    new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
    draw();
  };
  document.head.append(plotly);
})();
