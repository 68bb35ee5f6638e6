/** The elements of a player. */
export type Controls = {
  readonly controller: HTMLElement
  readonly video: HTMLVideoElement
  readonly quality: HTMLSelectElement
  readonly delay: HTMLElement
}

/** Builds an element with attributes. */
export function buildElement<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes?: Readonly<Record<string, string>>,
): HTMLElementTagNameMap[Name]
export function buildElement(name: string, attributes?: Readonly<Record<string, string>>): HTMLElement
export function buildElement(name: string, attributes: Readonly<Record<string, string>> = {}): HTMLElement {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
