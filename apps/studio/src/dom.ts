/**
 * Makes elements. Whatever comes from a peer enters the page as a text node or an attribute value here, never as markup:
 * there is no way from these functions to `innerHTML`.
 */
export type Child = Node | string | null | undefined | false;

export interface Props {
  class?: string;
  title?: string;
  type?: 'button' | 'range';
  /** Other attributes, `aria-…` and `data-…` among them; null leaves one out. */
  attributes?: Readonly<Record<string, string | null>>;
  onClick?: (event: MouseEvent) => void;
}

/** An HTML element with properties and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (props.class) node.className = props.class;
  if (props.title) node.title = props.title;
  if (props.type) node.setAttribute('type', props.type);
  for (const [name, value] of Object.entries(props.attributes ?? {})) if (value !== null) node.setAttribute(name, value);
  if (props.onClick) node.addEventListener('click', props.onClick as EventListener);
  node.append(...children.filter((child): child is Node | string => Boolean(child)));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Writes a text only when it is another one, so that nothing is laid out or announced anew for nothing. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
