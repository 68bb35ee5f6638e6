import type { RtpPacket } from './rtp-packet.ts'

/** A packet in its order; `isAfterLoss`: packets before it are missing for good. */
export type OrderedPacket = { readonly packet: RtpPacket; readonly isAfterLoss: boolean }

/** Puts the packets of a track in their order. A missing one is waited for, and requested again meanwhile. */
export type PacketOrder = {
  /** Takes a packet; returns those that follow the last one now. */
  push(packet: RtpPacket, nowMs: number): readonly OrderedPacket[]
  /** Abandons packets that have been missing for too long; returns those that follow. */
  expire(nowMs: number): readonly OrderedPacket[]
  /** Returns the sequence numbers to request again now. Each is returned a few times, with a pause between. */
  takeRequests(nowMs: number): readonly number[]
  readonly counts: () => { readonly received: number; readonly expected: number; readonly highest: number }
}

type MissingPacket = { readonly sinceMs: number; requestedMs: number; requests: number }

type PacketOrderState = {
  readonly held: Map<number, RtpPacket>
  readonly missing: Map<number, MissingPacket>
  /** Sequence numbers go on over the wrap of 16 bits. */
  next: number | null
  highest: number
  first: number
  received: number
  hasLost: boolean
}

/** How long a missing packet is waited for, in ms. */
const WAIT_MS = 250
/** A larger step of the sequence numbers is a new beginning (RFC 3550 §A.1, MAX_DROPOUT). */
const MAX_STEP = 3000
/** Packets that wait for a missing one: a second of 10 Mb/s. */
const MAX_HELD = 1000
const REQUEST_INTERVAL_MS = 60
const MAX_REQUESTS = 4
const MAX_REQUESTED = 64

/** Creates the order of a track that has no packet yet. */
export function createPacketOrder(): PacketOrder {
  const state: PacketOrderState = {
    held: new Map(),
    missing: new Map(),
    next: null,
    highest: 0,
    first: 0,
    received: 0,
    hasLost: false,
  }
  return {
    push: (packet, nowMs) => {
      hold(state, packet, nowMs)
      return release(state, nowMs)
    },
    expire: (nowMs) => release(state, nowMs),
    takeRequests: (nowMs) => takeRequests(state, nowMs),
    counts: () => ({
      received: state.received,
      expected: state.next === null ? 0 : state.highest - state.first + 1,
      highest: state.highest,
    }),
  }
}

function hold(state: PacketOrderState, packet: RtpPacket, nowMs: number): void {
  const step = ((packet.sequence - state.highest) << 16) >> 16
  if (state.next === null || Math.abs(step) > MAX_STEP) restart(state, packet.sequence)
  const place = state.highest + (((packet.sequence - state.highest) << 16) >> 16)
  if (place < (state.next ?? 0) || state.held.has(place)) return
  state.received++
  for (let gap = state.highest + 1; gap < place; gap++)
    state.missing.set(gap, { sinceMs: nowMs, requestedMs: Number.NEGATIVE_INFINITY, requests: 0 })
  state.missing.delete(place)
  state.highest = Math.max(state.highest, place)
  state.held.set(place, packet)
}

/** Begins anew with a sequence number. What was before it is lost. */
function restart(state: PacketOrderState, sequence: number): void {
  state.hasLost = state.next !== null
  state.held.clear()
  state.missing.clear()
  state.next = sequence
  state.highest = sequence
  state.first = sequence
  state.received = 0
}

function release(state: PacketOrderState, nowMs: number): readonly OrderedPacket[] {
  const released: OrderedPacket[] = []
  while (state.next !== null && state.held.size > 0) {
    const packet = state.held.get(state.next)
    if (packet === undefined) {
      if (!isAbandoned(state, state.next, nowMs)) break
      state.missing.delete(state.next)
      state.hasLost = true
    } else {
      state.held.delete(state.next)
      released.push({ packet, isAfterLoss: state.hasLost })
      state.hasLost = false
    }
    state.next++
  }
  return released
}

function isAbandoned({ missing, held }: PacketOrderState, place: number, nowMs: number): boolean {
  const sinceMs = missing.get(place)?.sinceMs ?? Number.NEGATIVE_INFINITY
  return nowMs - sinceMs >= WAIT_MS || held.size > MAX_HELD
}

function takeRequests({ missing }: PacketOrderState, nowMs: number): readonly number[] {
  const due: number[] = []
  for (const [place, entry] of missing) {
    if (due.length >= MAX_REQUESTED) break
    if (entry.requests >= MAX_REQUESTS || nowMs - entry.requestedMs < REQUEST_INTERVAL_MS) continue
    entry.requests++
    entry.requestedMs = nowMs
    due.push(place & 0xffff)
  }
  return due
}
