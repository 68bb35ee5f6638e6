import type { IncomingMessage, ServerResponse } from 'node:http'

import type { S3Answer } from './answer.ts'

/** A call as the double saw it begin, and how it ended. */
export type LoggedCall = {
  readonly operation: string
  readonly key: string
  readonly partNumber: number | null
  /** HTTP status; `null`: not answered, the connection was cut. */
  status: number | null
}

/**
 * What goes wrong with a call. `cut`: the connection, once so many bytes of the request's body have come; `cut_answer`:
 * once so many bytes of the answer's body went out. `refuse`: with S3's word for it, once the body has come.
 */
export type Fault =
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'cut_answer'; readonly afterBytes: number }
  | { readonly kind: 'refuse'; readonly code: string }
  | { readonly kind: 'hang' }

export type FaultRule = {
  readonly isFor: (call: LoggedCall) => boolean
  /** For so many calls; default: every one. */
  readonly times?: number
  readonly fault: Fault
}

/** Hands out faults to calls, each rule as often as it says. */
export function createFaults(): { add(rule: FaultRule): void; take(call: LoggedCall): Fault | null } {
  const rules: { rule: FaultRule; left: number }[] = []
  return {
    add: (rule) => void rules.push({ rule, left: rule.times ?? Infinity }),
    take(call) {
      const found = rules.find(({ rule, left }) => left > 0 && rule.isFor(call))
      if (found === undefined) return null
      found.left--
      return found.rule.fault
    },
  }
}

/** Reads a request's body; `null`: the fault, or the client, has cut it off. */
export async function readBody(request: IncomingMessage, fault: Fault | null): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      chunks.push(chunk)
      bytes += chunk.length
      if (fault?.kind === 'cut' && bytes >= fault.afterBytes) break
    }
  } catch {
    return null
  }
  if (fault?.kind !== 'cut') return Buffer.concat(chunks)
  request.socket.resetAndDestroy()
  return null
}

/** Sends an answer as the fault lets it; tells whether all of it went out. */
export function send(response: ServerResponse, answer: S3Answer, fault: Fault | null): boolean {
  const body = Buffer.from(answer.body ?? '')
  const isHead = response.req.method === 'HEAD'
  response.writeHead(answer.status, { ...answer.headers, ...(answer.status === 204 ? {} : lengthOf(body)) })
  if (fault?.kind !== 'cut_answer') {
    response.end(isHead ? undefined : body)
    return true
  }
  response.write(body.subarray(0, fault.afterBytes), () => response.socket?.destroy())
  return false
}

function lengthOf(body: Buffer) {
  return { 'content-length': String(body.length) }
}
