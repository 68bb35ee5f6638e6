import { createPartBuffer, type KeptPart, type PartBuffer } from './part-buffer.ts'

/** The way of a run's parts to gateways. It is closed until what players read before them is stored. */
export type PartGate = {
  add(part: KeptPart): void
  /** Lets pass what has waited, and everything from now on. */
  open(): void
}

/** Creates a closed gate. As many parts wait as the buffer keeps. */
export function createPartGate(parts: PartBuffer): PartGate {
  const waiting = createPartBuffer()
  let isOpen = false
  return {
    add: (part) => (isOpen ? parts : waiting).add(part),
    open: () => {
      if (isOpen) return
      isOpen = true
      for (const part of waiting.list()) parts.add(part)
    },
  }
}
