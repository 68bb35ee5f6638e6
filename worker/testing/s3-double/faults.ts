import type { IncomingMessage, ServerResponse } from 'node:http'

import type { S3Answer } from './answer.ts'

/** A call that the double has received. */
export type LoggedCall = {
  readonly operation: string
  readonly key: string
  readonly partNumber: number | null
  /** HTTP status; `null` where the call is not answered, or its connection was cut. */
  status: number | null
}

/**
 * A fault of a call. `cut`: the connection is cut after so many bytes of the request's body. `cut_answer`: it is cut after
 * so many bytes of the response's body. `refuse`: the response is this S3 error. `hang`: there is no response. `slow`: it
 * comes so much later.
 */
export type Fault =
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'cut_answer'; readonly afterBytes: number }
  | { readonly kind: 'refuse'; readonly code: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number }

export type FaultRule = {
  readonly isFor: (call: LoggedCall) => boolean
  /** Number of calls to fail; all by default. */
  readonly times?: number
  readonly fault: Fault
}

/** Creates an injector, which assigns the faults of its rules to calls. */
export function createFaultInjector(): { add(rule: FaultRule): void; take(call: LoggedCall): Fault | null } {
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

/** Reads a request's body; returns `null` where the fault or the client cut the connection. */
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

/** Sends a response, subject to the fault. Returns whether the whole response was sent. */
export function sendAnswer(response: ServerResponse, answer: S3Answer, fault: Fault | null): boolean {
  const body = Buffer.from(answer.body ?? '')
  const isHead = response.req.method === 'HEAD'
  response.writeHead(answer.status, { ...answer.headers, ...(answer.status === 204 ? {} : lengthHeader(body)) })
  if (fault?.kind !== 'cut_answer') {
    response.end(isHead ? undefined : body)
    return true
  }
  response.write(body.subarray(0, fault.afterBytes), () => response.socket?.destroy())
  return false
}

function lengthHeader(body: Buffer) {
  return { 'content-length': String(body.length) }
}
