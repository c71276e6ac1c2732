// Elements without markup: everything from outside enters as a text node or as a checked attribute.

type Child = Node | string | null | false;
type Props = Record<string, string | boolean | number | ((event: Event) => void)>;

/** h("p", { class: "help" }, "text"). A function is a listener for the event of its name. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== false));
  return element;
}

/** The element of the page with an id, of a class that it is known to have. */
export function the<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/** A <dl> row. */
export const fact = (name: string, ...value: Child[]): HTMLElement => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));

/** An address in full, which wraps anywhere. */
export const mono = (text: string): HTMLElement => h("code", { class: "mono" }, text);

/** A button that copies a text and says so. */
export function copier(text: string, label: string): HTMLButtonElement {
  const button = h("button", { class: "button small", type: "button" }, label);
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(text).then(
      () => (button.textContent = "Copied"),
      () => (button.textContent = "Copying is not allowed here"),
    );
    setTimeout(() => (button.textContent = label), 2000);
  });
  return button;
}
