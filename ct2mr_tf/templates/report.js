'use strict';
// Paged and sortable lists. Without this script everything is there, in the order it was written in.
(() => {
  const number = new Intl.NumberFormat('en');
  const pages = new Map();

  function show(list, first) {
    const size = Number(list.dataset.paged);
    const items = Array.from(list.children);
    const last = Math.max(0, Math.floor((items.length - 1) / size) * size);
    const from = Math.min(Math.max(0, first), last);
    for (const item of list.querySelectorAll(':scope > .shown')) item.classList.remove('shown');
    for (const item of items.slice(from, from + size)) item.classList.add('shown');
    pages.set(list, from);
    for (const pager of document.querySelectorAll(`[data-pager="${list.id}"]`)) {
      const status = pager.querySelector('[role=status]');
      const to = Math.min(from + size, items.length);
      status.textContent =
        `${number.format(from + 1)} to ${number.format(to)} of ${number.format(items.length)} ${status.dataset.unit}`;
      const [back, forth] = pager.querySelectorAll('button');
      back.disabled = from === 0;
      forth.disabled = to === items.length;
      back.hidden = forth.hidden = items.length <= size;
    }
  }

  // Numbers by value, others by name; what is no number stands last either way.
  function sort(list, key, descending) {
    const sign = descending ? -1 : 1;
    const entries = Array.from(list.children, (item) => {
      const text = key(item).trim();
      const value = Number(text.replace('inf', 'Infinity'));
      return {item, text, value};
    });
    const named = entries.every((entry) => Number.isNaN(entry.value));
    entries.sort((a, b) => {
      if (named) return sign * a.text.localeCompare(b.text, 'en', {numeric: true});
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) {
        return Number.isNaN(a.value) - Number.isNaN(b.value);
      }
      return a.value === b.value ? 0 : sign * (a.value - b.value);
    });
    list.append(...entries.map((entry) => entry.item));
    if (list.dataset.paged) show(list, 0);
  }

  for (const list of document.querySelectorAll('[data-paged]')) show(list, 0);

  for (const pager of document.querySelectorAll('[data-pager]')) {
    const list = document.getElementById(pager.dataset.pager);
    for (const button of pager.querySelectorAll('button')) {
      button.addEventListener('click', () => {
        show(list, pages.get(list) + Number(button.dataset.step) * Number(list.dataset.paged));
        // From the buttons below a list, back to its beginning.
        if (list.getBoundingClientRect().top < 0) list.scrollIntoView();
      });
    }
  }

  for (const select of document.querySelectorAll('select[data-order]')) {
    select.addEventListener('change', () => {
      const chosen = select.selectedOptions[0];
      sort(document.getElementById(select.dataset.order),
        (item) => item.dataset[chosen.value], 'descending' in chosen.dataset);
    });
  }

  for (const table of document.querySelectorAll('table[data-sortable]')) {
    const headers = Array.from(table.tHead.rows[0].cells);
    headers.forEach((header, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener('click', () => {
        const descending = header.getAttribute('aria-sort') === 'ascending' ||
          (column > 0 && !header.hasAttribute('aria-sort'));
        for (const other of headers) other.removeAttribute('aria-sort');
        header.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
        sort(table.tBodies[0], (row) => row.cells[column].textContent, descending);
      });
    });
  }
})();
