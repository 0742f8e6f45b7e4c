/** The little that the page needs of a framework: elements made in one call, and lists that are changed in place. Text is text, never markup. */

type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** An element. Attributes that are undefined or false are left out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  for (const child of children) if (child !== undefined) element.append(child);
  return element;
}

export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) {
      if (element.hasAttribute(name)) element.removeAttribute(name);
    } else {
      const text = value === true ? "" : String(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
}

/** What is the same already is not touched: a reader's selection stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

/**
 * Children of an element, one for each value, found again by their keys: what stays is changed and not made anew, and moved only where its place
 * is another.
 */
export class List<Value, Item extends Element> {
  readonly #parent: Element;
  readonly #make: (value: Value) => Item;
  readonly #update: (item: Item, value: Value) => void;
  readonly #items = new Map<string | number, Item>();

  constructor(
    parent: Element,
    make: (value: Value) => Item,
    update: (item: Item, value: Value) => void,
  ) {
    this.#parent = parent;
    this.#make = make;
    this.#update = update;
  }

  set(values: readonly Value[], keyOf: (value: Value) => string | number): void {
    const gone = new Set(this.#items.keys());
    let place: Element | null = this.#parent.firstElementChild;
    for (const value of values) {
      const key = keyOf(value);
      let item = this.#items.get(key);
      if (item === undefined) {
        item = this.#make(value);
        this.#items.set(key, item);
      }
      gone.delete(key);
      this.#update(item, value);
      if (item === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(item, place);
    }
    for (const key of gone) {
      this.#items.get(key)!.remove();
      this.#items.delete(key);
    }
  }
}

/** A list of terms and numbers: the tiles. */
export class Tiles {
  readonly #values: HTMLElement[];

  constructor(parent: Element, names: readonly string[]) {
    this.#values = names.map((name) => {
      const value = h("dd", {}, "–");
      parent.append(h("dl", { class: "tile" }, h("dt", {}, name), value));
      return value;
    });
  }

  set(values: readonly string[]): void {
    for (const [i, value] of values.entries()) setText(this.#values[i]!, value);
  }
}
