import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { encodeFlvTag } from '../../flv/flv-tag.ts'
import { readAmf0 } from './amf0-reader.ts'
import { readTextProperty, type AmfValue } from './amf0-value.ts'
import { encodeAmf0, toAmfObject } from './amf0-writer.ts'
import { createChunkReader } from './chunk-reader.ts'
import { encodeChunks, encodeUint32 } from './chunk-writer.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './rtmp-message.ts'
import { createRtmpSession } from './rtmp-session.ts'
import type { RtmpEvent } from './session-state.ts'

const HANDSHAKE_BYTES = 1 + 2 * 1536

/** A session whose output is collected. */
function openSession() {
  let output = Buffer.alloc(0)
  const session = createRtmpSession((bytes) => {
    output = Buffer.concat([output, bytes])
  })
  const events = (): readonly RtmpEvent[] => {
    const found: RtmpEvent[] = []
    for (let event = session.nextEvent(); event !== null; event = session.nextEvent()) found.push(event)
    return found
  }
  return {
    session,
    events,
    output: () => output,
    receive: (bytes: Buffer) => {
      session.receive(bytes)
      return events()
    },
    /** Returns the messages after the handshake. */
    sent: () => {
      const reader = createChunkReader({ messageBytes: 1 << 20, pendingBytes: 1 << 20 })
      reader.append(output.subarray(HANDSHAKE_BYTES))
      const messages: RtmpMessage[] = []
      for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message)
      return messages
    },
  }
}

const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 5), Buffer.alloc(1536)])

function command(name: string, transactionId: number, ...values: readonly AmfValue[]): Buffer {
  const body = encodeAmf0(name, transactionId, ...values)
  return encodeChunks({ type: MESSAGE_TYPE.command, streamId: 1, timestamp: 0, body }, 3, 128)
}

const CONNECT = command('connect', 1, toAmfObject({ app: 'live' }))

function openPublishing() {
  const opened = openSession()
  opened.receive(Buffer.concat([HANDSHAKE, CONNECT, command('createStream', 2, null)]))
  expect(opened.receive(command('publish', 3, null, 'key?x=1', 'live'))).toEqual([{ kind: 'publish', name: 'key' }])
  return opened
}

function statuses(sent: readonly RtmpMessage[]): readonly (string | null)[] {
  return sent
    .filter(({ type }) => type === MESSAGE_TYPE.command)
    .map(({ body }) => readTextProperty(readAmf0(body).at(-1), 'code'))
    .filter((code) => code !== null)
}

describe('a session', () => {
  test('the handshake is answered once C1 is complete, byte by byte too, and S2 repeats C1', () => {
    const { session, output } = openSession()
    for (const byte of HANDSHAKE.subarray(0, 1536)) session.receive(Buffer.from([byte]))
    expect(output().length).toBe(0)
    session.receive(HANDSHAKE.subarray(1536, 1537))
    expect(output().length).toBe(HANDSHAKE_BYTES)
    expect(output().subarray(1537)).toEqual(HANDSHAKE.subarray(1, 1537))
    expect(session.hasHandshake()).toBe(false)
    session.receive(HANDSHAKE.subarray(1537))
    expect(session.hasHandshake()).toBe(true)
  })

  test('another version than 3 is refused with its first byte', () => {
    expect(() => openSession().session.receive(Buffer.from([6]))).toThrow(RtmpError)
  })

  test('nothing is read, and nothing is accepted, before the decision on a publication', () => {
    const { receive, sent, session, events } = openPublishing()
    const media = { type: 9, streamId: 1, timestamp: 0, body: Buffer.from([0x17, 0]) }
    expect(receive(encodeChunks(media, 6, 128))).toEqual([])
    expect(statuses(sent())).toEqual(['NetConnection.Connect.Success'])
    session.acceptPublish()
    expect(events()).toEqual([{ kind: 'media', message: media }])
    expect(statuses(sent())).toEqual(['NetConnection.Connect.Success', 'NetStream.Publish.Start'])
  })

  test('a refused client receives BadName with the reason, and no Publish.Start', () => {
    const { session, sent, events } = openPublishing()
    session.refuse('The key is wrong.')
    expect(statuses(sent())).toEqual(['NetConnection.Connect.Success', 'NetStream.Publish.BadName'])
    expect(events()).toEqual([])
    const last = readAmf0(sent().at(-1)?.body ?? Buffer.alloc(0)).at(-1)
    expect(readTextProperty(last, 'description')).toBe('The key is wrong.')
    expect(readTextProperty(last, 'level')).toBe('error')
  })

  test('the answer to connect names the codecs of Enhanced RTMP that may be published, and no others', () => {
    const { receive, sent } = openSession()
    receive(Buffer.concat([HANDSHAKE, CONNECT]))
    const info = readAmf0(sent().at(-1)?.body ?? Buffer.alloc(0)).at(-1)
    expect(info instanceof Map && info.get('fourCcList')).toEqual(['avc1', 'hvc1', 'av01', 'mp4a', 'Opus'])
  })

  test('only the application "live" exists', () => {
    const { receive, sent } = openSession()
    const connect = command('connect', 1, toAmfObject({ app: 'vod' }))
    expect(() => receive(Buffer.concat([HANDSHAKE, connect]))).toThrow(RtmpError)
    expect(statuses(sent())).toEqual(['NetConnection.Connect.Rejected'])
  })

  test('commands and data of the types of AMF3 are read, and data that is no AMF0 is ignored', () => {
    const { receive, session } = openSession()
    receive(Buffer.concat([HANDSHAKE, CONNECT]))
    const amf3 = (type: number, body: Buffer) =>
      encodeChunks({ type, streamId: 1, timestamp: 0, body: Buffer.concat([Buffer.from([0]), body]) }, 3, 128)
    const publish = amf3(MESSAGE_TYPE.commandAmf3, encodeAmf0('publish', 2, null, 'key', 'live'))
    expect(receive(publish)).toEqual([{ kind: 'publish', name: 'key' }])
    session.acceptPublish()
    expect(receive(amf3(MESSAGE_TYPE.dataAmf3, encodeAmf0('onMetaData')))).toMatchObject([{ values: ['onMetaData'] }])
    expect(receive(amf3(MESSAGE_TYPE.dataAmf3, Buffer.from([17, 1])))).toEqual([{ kind: 'data', values: [] }])
  })

  test('an aggregate is split into its messages, whose times follow that of the aggregate', () => {
    const { receive, session } = openPublishing()
    session.acceptPublish()
    const body = Buffer.concat([
      encodeFlvTag({ type: 9, timestampMs: 100, body: Buffer.from('a') }),
      encodeFlvTag({ type: 8, timestampMs: 123, body: Buffer.from('b') }),
    ])
    const aggregate = { type: MESSAGE_TYPE.aggregate, streamId: 1, timestamp: 5000, body }
    expect(receive(encodeChunks(aggregate, 6, 128))).toMatchObject([
      { message: { type: 9, timestamp: 5000, body: Buffer.from('a') } },
      { message: { type: 8, timestamp: 5023, body: Buffer.from('b') } },
    ])
    const lying = { ...aggregate, body: body.subarray(0, 12) }
    lying.body.writeUIntBE(500, 1, 3)
    expect(() => receive(encodeChunks(lying, 6, 128))).toThrow(RtmpError)
  })

  test('received bytes are acknowledged once per window, and pings are answered', () => {
    const { receive, session, sent } = openPublishing()
    session.acceptPublish()
    const body = Buffer.alloc(100_000)
    receive(encodeChunks({ type: 1, streamId: 0, timestamp: 0, body: encodeUint32(1 << 20) }, 2, 128))
    receive(encodeChunks({ type: 5, streamId: 0, timestamp: 0, body: encodeUint32(1) }, 2, 128))
    for (let i = 0; i < 3; i++) receive(encodeChunks({ type: 9, streamId: 1, timestamp: 0, body }, 6, 1 << 20))
    const ping = Buffer.from([0, 6, 1, 2, 3, 4])
    receive(encodeChunks({ type: MESSAGE_TYPE.userControl, streamId: 0, timestamp: 0, body: ping }, 2, 128))
    const acknowledgements = sent().filter(({ type }) => type === MESSAGE_TYPE.acknowledgement)
    expect(acknowledgements.length).toBe(3)
    expect(acknowledgements.at(-1)?.body.readUInt32BE()).toBeGreaterThan(300_000)
    expect(sent().at(-1)?.body).toEqual(Buffer.from([0, 7, 1, 2, 3, 4]))
  })

  test.each(['FCUnpublish', 'deleteStream', 'closeStream'])('%s ends the publication', (name) => {
    const { receive, session } = openPublishing()
    session.acceptPublish()
    expect(receive(command(name, 5, null, 1))).toEqual([{ kind: 'unpublish' }])
  })

  test('a client that may not publish yet can send neither large messages nor many', () => {
    const large = { type: 9, streamId: 1, timestamp: 0, body: Buffer.alloc(70_000) }
    const { receive } = openSession()
    receive(Buffer.concat([HANDSHAKE, CONNECT]))
    expect(() => receive(encodeChunks(large, 6, 128))).toThrow(RtmpError)
    const other = openSession()
    other.receive(Buffer.concat([HANDSHAKE, CONNECT]))
    const small = encodeChunks({ ...large, body: Buffer.alloc(60_000) }, 6, 128)
    expect(() => {
      for (let i = 0; i < 20; i++) other.receive(small)
    }).toThrow(RtmpError)
  })

  test.each([
    ['a command before connect', [command('createStream', 1, null)]],
    ['connect twice', [CONNECT, CONNECT]],
    ['play', [CONNECT, command('play', 2, null, 'key')]],
    ['a publication without a name', [CONNECT, command('publish', 2, null, 5)]],
    ['a command without a name', [CONNECT, command('', 2).fill(5, 12)]],
    ['seventeen streams', [CONNECT, ...Array.from({ length: 17 }, (_, i) => command('createStream', i + 2, null))]],
  ])('%s breaks the protocol', (_name, commands) => {
    expect(() => openSession().receive(Buffer.concat([HANDSHAKE, ...commands]))).toThrow(RtmpError)
  })

  test('random messages never cause another error than a broken protocol', () => {
    const anyMessage = fc.record({
      type: fc.integer({ min: 0, max: 24 }),
      streamId: fc.nat(3),
      timestamp: fc.nat(0xffffffff),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
        fc.constantFrom('connect', 'publish', 'play', 'x').map((name) => encodeAmf0(name, 1, null, 'k')),
      ),
    })
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 10 }), fc.boolean(), (messages, isPublishing) => {
        const opened = isPublishing ? openPublishing() : openSession()
        if (isPublishing) opened.session.acceptPublish()
        else opened.receive(HANDSHAKE)
        try {
          for (const message of messages) opened.receive(encodeChunks(message, 5, 128))
        } catch (error) {
          if (!(error instanceof RtmpError)) throw error
        }
      }),
    )
  })
})
