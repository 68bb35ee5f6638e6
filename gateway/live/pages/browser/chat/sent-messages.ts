/** Messages of a field that are sent and not answered yet. */
export type SentMessages = {
  /** Returns the nonce of a text: the one of its failed attempt, so that it is written once, or a new one. */
  add(line: string): string
  /** Takes an answer; returns the text that was sent, `null` where it is unknown. A failed one is kept until another is sent. */
  answer(nonce: string, isWritten: boolean): string | null
}

/** Creates the messages of a field. */
export function createSentMessages(): SentMessages {
  const sent = new Map<string, string>()
  let failed: { readonly nonce: string; readonly line: string } | null = null
  return {
    add(line) {
      const nonce = failed?.line === line ? failed.nonce : newNonce()
      failed = null
      sent.set(nonce, line)
      return nonce
    },
    answer(nonce, isWritten) {
      // A gateway may have written what it answers too late.
      const line = sent.get(nonce) ?? (failed?.nonce === nonce ? failed.line : undefined)
      if (line === undefined) return null
      sent.delete(nonce)
      failed = isWritten ? null : { nonce, line }
      return line
    },
  }
}

function newNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-')
}
