import type { SrtListener } from '../../../../shared/contract/live.ts'
import { openSrtReceiver, type SrtContext, type SrtReceiver } from './srt-receiver.ts'

/** The listeners for SRT of an ingest worker. Disposing of them closes all. */
export type SrtListeners = AsyncDisposable & {
  /** Opens the listeners that are new, and closes those that are not among them. */
  apply(wanted: readonly SrtListener[]): void
  /** Closes all, and opens no more. */
  stop(reason: string): void
}

/** Creates the listeners of an ingest worker: none at first. */
export function createSrtListeners(context: SrtContext): SrtListeners {
  const open = new Map<number, SrtReceiver>()
  /** A port is opened again once it is free. */
  const closing = new Map<number, Promise<void>>()
  let isStopped = false

  function close(receiver: SrtReceiver, reason: string): void {
    const { port } = receiver.listener
    open.delete(port)
    closing.set(
      port,
      receiver.close(reason).finally(() => closing.delete(port)),
    )
  }
  function closeAll(reason: string): void {
    isStopped = true
    for (const receiver of open.values()) close(receiver, reason)
  }

  return {
    apply(wanted) {
      if (isStopped) return
      for (const receiver of open.values()) {
        if (!wanted.some((one) => isSame(one, receiver.listener)))
          close(receiver, 'the broadcast or its key has changed')
      }
      for (const listener of wanted) {
        const { port } = listener
        if (!open.has(port) && !closing.has(port)) open.set(port, openSrtReceiver(listener, context))
      }
    },
    stop: closeAll,
    async [Symbol.asyncDispose]() {
      closeAll('the server ends')
      await Promise.all(closing.values())
    },
  }
}

function isSame(one: SrtListener, other: SrtListener): boolean {
  return one.port === other.port && one.stream_id === other.stream_id && one.passphrase === other.passphrase
}
