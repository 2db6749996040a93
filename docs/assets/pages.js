// What the theme leaves out for those who use the keyboard or listen: focus where something scrolls, and names.
(() => {
  const scrolls = (part) => part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight + 1;

  const reach = () => {
    for (const part of document.querySelectorAll(".md-typeset pre > code, .md-typeset__scrollwrap, .md-typeset__table")) {
      if (scrolls(part)) part.setAttribute("tabindex", "0");
      else part.removeAttribute("tabindex");
    }
  };

  const name = () => {
    document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
    document.querySelectorAll(".md-code__nav").forEach((nav, at) => nav.setAttribute("aria-label", `Code ${at + 1}`));
  };

  const both = () => {
    reach();
    name();
  };
  document.addEventListener("DOMContentLoaded", () => {
    both();
    // the theme wraps tables and adds copy buttons after the page is there
    const main = document.querySelector(".md-content");
    if (main) new MutationObserver(both).observe(main, { childList: true, subtree: true });
  });
  addEventListener("load", both);
  addEventListener("resize", reach);
})();
