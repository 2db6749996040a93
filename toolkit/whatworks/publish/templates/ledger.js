(() => {
  "use strict";
  const items = [...document.querySelectorAll(".ledger > li")];
  if (items.length < 2) return;
  const whole = document.createElement("details");
  whole.className = "filters";
  whole.open = matchMedia("(min-width: 48rem)").matches;
  const title = document.createElement("summary");
  title.textContent = "Filter and sort";
  const box = document.createElement("div");
  whole.append(title, box);
  const shown = document.createElement("p");
  shown.setAttribute("role", "status");
  const choose = (name, options) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    for (const [value, text] of options) select.add(new Option(text, value));
    label.append(name + " ", select);
    box.append(label);
    select.addEventListener("change", show);
    return select;
  };
  const filters = [["status", "Finding"], ["offence", "Outcome"], ["method", "Method"]].map(([key, name]) => {
    const values = [...new Set(items.map((item) => item.dataset[key]))].filter(Boolean).sort();
    return [key, choose(name, [["", "All"], ...values.map((value) => [value, value])])];
  });
  const order = choose("Sort by", [["name", "Name"], ["date", "Newest first"]]);
  function show() {
    const fits = (item) => filters.every(([key, select]) => !select.value || item.dataset[key] === select.value);
    for (const item of items) item.hidden = !fits(item);
    const before = (a, b) => a.dataset.name.localeCompare(b.dataset.name, "en");
    const newer = (a, b) => b.dataset.date.localeCompare(a.dataset.date) || before(a, b);
    for (const list of document.querySelectorAll(".ledger")) {
      list.append(...[...list.children].sort(order.value === "date" ? newer : before));
    }
    const count = items.filter((item) => !item.hidden).length;
    shown.textContent = count === items.length ? "" : count + " of " + items.length + " studies shown.";
  }
  box.append(shown);
  document.querySelector("main section").before(whole);
})();
