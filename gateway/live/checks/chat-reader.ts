import { WebSocket } from 'ws'

/** A reader of a chat that counts what it gets, and comes back after what it has seen when its connection breaks. */
export type ChatReader = {
  /** Number of its newest entry. */
  lastSeq(): number
  /** Entries that were left out, that came twice, or that came too early. */
  faults(): number
  /** A sum of all ids in their order, the same for readers of the same entries. */
  digest(): number
  isOpen(): boolean
  /** The address that it reads. */
  url(): string
  /** Breaks the connection. Without an order to come back, it stays away. */
  cut(): void
  comeBack(url: string): Promise<void>
  /** Takes nothing more from the network. */
  stop(): void
  goOn(): void
}

type SeenEntry = { readonly seq?: number; readonly id?: string }

const DIGEST_FACTOR = 31

/** Opens a reader of a chat. @throws Error where the gateway refuses */
export async function openChatReader(url: string): Promise<ChatReader> {
  let [lastSeq, faults, digest] = [0, 0, 0]
  let [isOpen, readUrl] = [false, url]
  let socket = await connect(url)

  function see({ seq, id = '' }: SeenEntry): void {
    if (seq === undefined) return
    if (seq !== lastSeq + 1) faults++
    lastSeq = seq
    for (const char of id) digest = (Math.imul(digest, DIGEST_FACTOR) + (char.codePointAt(0) ?? 0)) | 0
  }

  async function connect(address: string): Promise<WebSocket> {
    const opened = new WebSocket(`${address}?from=${lastSeq}`)
    opened.on('message', (data) => {
      const read: SeenEntry | readonly SeenEntry[] = JSON.parse(new TextDecoder().decode(data as Uint8Array))
      for (const entry of Array.isArray(read) ? read : [read]) see(entry)
    })
    await new Promise<void>((resolve, reject) => {
      opened.on('open', () => resolve())
      opened.on('error', reject)
    })
    isOpen = true
    // A gateway that is killed breaks the connection.
    opened.on('error', () => {})
    opened.on('close', () => {
      isOpen = false
    })
    return opened
  }

  return {
    lastSeq: () => lastSeq,
    faults: () => faults,
    digest: () => digest,
    isOpen: () => isOpen,
    url: () => readUrl,
    cut: () => socket.terminate(),
    async comeBack(address) {
      readUrl = address
      socket = await connect(address)
    },
    stop: () => socket.pause(),
    goOn: () => socket.resume(),
  }
}
