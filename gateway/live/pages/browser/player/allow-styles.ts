type Attributes = Record<string, string>
/** A component of media-chrome: its template is text with `<style>` in it. */
type Templated = {
  getTemplateHTML?: (attributes: Attributes, properties?: Readonly<Record<string, unknown>>) => string
}

/**
 * Marks the styles that components write into the page with the nonce of its policy, which forbids all others. Must run
 * before the first of them is built.
 */
export function allowStyles(components: readonly Templated[]): void {
  const nonce = document.querySelector<HTMLLinkElement>('link[nonce]')?.nonce ?? ''
  const marked = new Set<Templated>()
  for (const component of components) {
    for (let at: Templated = component; at !== HTMLElement && !marked.has(at); at = Object.getPrototypeOf(at)) {
      marked.add(at)
      markTemplate(at, nonce)
    }
  }
}

function markTemplate(component: Templated, nonce: string): void {
  const { getTemplateHTML } = component
  if (getTemplateHTML === undefined || !Object.hasOwn(component, 'getTemplateHTML')) return
  component.getTemplateHTML = function writeTemplate(attributes, properties) {
    return getTemplateHTML.call(this, attributes, properties).replaceAll(/<style(?! nonce)/g, `<style nonce="${nonce}"`)
  }
}
