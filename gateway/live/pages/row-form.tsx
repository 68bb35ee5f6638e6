/** @jsxRuntime automatic @jsxImportSource hono/jsx */

type RowFormParts = {
  readonly button: string
  /** What the button does to this row, for readers. */
  readonly label: string
  /** Hidden fields; `form` says what is done. */
  readonly fields: Readonly<Record<string, string>>
  /** Where the form goes, from the page's URL; the page itself where it is left out. */
  readonly action?: string
}

/** Renders the button of a row of a list, which does one thing to the row. */
export function RowForm({ button, label, fields, action }: RowFormParts) {
  return (
    <form method="post" action={action}>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button class="button button-small" type="submit" aria-label={label}>
        {button}
      </button>
    </form>
  )
}
