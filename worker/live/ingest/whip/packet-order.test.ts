import { expect, test } from 'vitest'

import { createPacketOrder } from './packet-order.ts'
import type { RtpPacket } from './rtp-packet.ts'

function packet(sequence: number): RtpPacket {
  const payload = Buffer.alloc(1)
  return { payloadType: 96, sequence: sequence & 0xffff, timestamp: 0, ssrc: 1, isMarked: false, payload }
}

/** Returns the sequence numbers that come out; a lost one before them is a `-`. */
function pushAll(order: ReturnType<typeof createPacketOrder>, sequences: readonly number[], nowMs = 0): string {
  const released = sequences.flatMap((sequence) => order.push(packet(sequence), nowMs))
  return released.map((one) => `${one.isAfterLoss ? '-' : ''}${one.packet.sequence}`).join(' ')
}

test('packets come out in their order, once, over the wrap of their numbers', () => {
  const order = createPacketOrder()
  expect(pushAll(order, [65_533, 65_535, 65_534, 65_535, 1, 0, 65_533])).toBe('65533 65534 65535 0 1')
  expect(order.counts()).toMatchObject({ received: 5, expected: 5 })
})

test('a missing packet is requested a few times, and then given up: what follows says so', () => {
  const order = createPacketOrder()
  expect(pushAll(order, [10, 12])).toBe('10')
  expect(order.takeRequests(0)).toEqual([11])
  expect(order.takeRequests(10)).toEqual([])
  expect(order.takeRequests(60)).toEqual([11])
  expect(order.expire(249)).toEqual([])
  expect(order.expire(250)).toMatchObject([{ packet: { sequence: 12 }, isAfterLoss: true }])
  expect(pushAll(order, [11, 13], 260)).toBe('13')
  expect([order.takeRequests(300), order.counts()]).toEqual([[], { received: 3, expected: 4, highest: 13 }])
})

test('a packet that comes when it was requested leaves no gap', () => {
  const order = createPacketOrder()
  expect(pushAll(order, [1, 3, 4])).toBe('1')
  expect(pushAll(order, [2], 100)).toBe('2 3 4')
})

test('numbers that jump are a new beginning after a loss', () => {
  const order = createPacketOrder()
  expect(pushAll(order, [1, 2, 30_000, 30_001])).toBe('1 2 -30000 30001')
})

test('what is held while a packet is missing is bounded', () => {
  const order = createPacketOrder()
  const sequences = Array.from({ length: 1100 }, (_, i) => i + 2)
  pushAll(order, [0])
  expect(pushAll(order, sequences).split(' ')[0]).toBe('-2')
})
