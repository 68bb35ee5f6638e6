/** @jsxRuntime automatic @jsxImportSource hono/jsx */

type ConfirmParts = {
  readonly title: string
  readonly text: string
  readonly button: string
  readonly form: string
  readonly streamId: string
}

/** Renders a button that opens a question; a second button does what cannot be taken back. */
export function Confirm({ title, text, button, form, streamId }: ConfirmParts) {
  return (
    <details class="confirm">
      <summary class="button button-danger">{title}</summary>
      <form class="confirm-box" method="post" action={streamId}>
        <input type="hidden" name="form" value={form} />
        <p>{text}</p>
        <button class="button button-danger" type="submit">
          {button}
        </button>
      </form>
    </details>
  )
}
