/** The API key: shown, stored in a file, or set by the user. */
export type WelcomeKey =
  | { readonly kind: 'shown'; readonly key: string }
  | { readonly kind: 'stored'; readonly path: string }
  | { readonly kind: 'set' }

/** What the welcome shows. */
export type Welcome = {
  /** Where clients reach the gateway. */
  readonly url: string
  readonly key: WelcomeKey
  readonly isTerminal: boolean
  /** The lines of systems: a label of at most four characters, and a text. */
  readonly ofSystems: readonly { readonly label: string; readonly text: string }[]
}

const LABEL_WIDTH = 4

/** Returns the lines that say what to do next: the key, a command to paste, the documentation, and those of systems. */
export function welcomeLines({ url, key, isTerminal, ofSystems }: Welcome): string[] {
  const header = `X-API-Key: ${key.kind === 'shown' ? key.key : '$API_KEY'}`
  const emphasize = (text: string) => (isTerminal ? `\u001b[1;32m${text}\u001b[0m` : text)
  const body = `{"stream_url":"https://example.com/live.m3u8","callback_url":"https://example.com/hook"}`
  const command = `curl ${url}/api/v1/monitors -H "${header}" -H 'Content-Type: application/json' -d '${body}'`
  const lines = [
    { label: 'Key', text: describeKey(key) },
    { label: 'Try', text: command },
    { label: 'Docs', text: `${url}/docs and ${url}/docs/guides` },
    ...ofSystems,
  ]
  return lines.map(({ label, text }) => `${emphasize(label.padEnd(LABEL_WIDTH))}  ${text}`)
}

function describeKey(key: WelcomeKey): string {
  switch (key.kind) {
    case 'shown':
      return key.key
    case 'stored':
      return `API_KEY in ${key.path}`
    case 'set':
      return 'the API_KEY that you have set'
  }
}
