/** @jsxRuntime automatic @jsxImportSource hono/jsx */

type ConfirmParts = {
  readonly title: string
  readonly text: string
  readonly button: string
  readonly form: string
  /** Where the form goes, from the page's URL. */
  readonly action: string
  /** Further hidden fields. */
  readonly fields?: Readonly<Record<string, string>>
}

/** Renders a button that opens a question; a second button does what cannot be taken back. */
export function Confirm({ title, text, button, form, action, fields = {} }: ConfirmParts) {
  return (
    <details class="confirm">
      <summary class="button button-danger">{title}</summary>
      <form class="confirm-box" method="post" action={action}>
        <input type="hidden" name="form" value={form} />
        {Object.entries(fields).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <p>{text}</p>
        <button class="button button-danger" type="submit">
          {button}
        </button>
      </form>
    </details>
  )
}
