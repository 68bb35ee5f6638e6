import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { checkRtmpUrl } from '../../../shared/net/rtmp-url.ts'
import type { AmfValue } from '../ingest/rtmp/amf0-value.ts'
import { encodeAmf0, toAmfObject } from '../ingest/rtmp/amf0-writer.ts'
import { createChunkReader } from '../ingest/rtmp/chunk-reader.ts'
import { encodeChunks } from '../ingest/rtmp/chunk-writer.ts'
import { composeControl, composeUserControl, readCommand, USER_EVENT } from '../ingest/rtmp/commands.ts'
import { RtmpError } from '../ingest/rtmp/rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'
import { createRtmpSession } from '../ingest/rtmp/rtmp-session.ts'
import type { RtmpEvent } from '../ingest/rtmp/session-state.ts'
import { createPublishSession } from './publish-session.ts'

const KEY = 'abcd-1234-secret?backup=1'
const HANDSHAKE_BYTES = 1 + 2 * 1536

function targetOf(url: string) {
  const checked = checkRtmpUrl(url, { allowPrivateNetworks: true })
  if (!checked.ok) throw new Error(checked.problem)
  return { server: checked.server, key: KEY }
}

/** A session whose server is scripted. */
function openSession() {
  let output = Buffer.alloc(0)
  const session = createPublishSession(targetOf('rtmp://platform.test/live'), (bytes) => {
    output = Buffer.concat([output, bytes])
  })
  session.start()
  /** Returns the messages after the handshake. */
  const sent = () => {
    const reader = createChunkReader({ messageBytes: 1 << 20, pendingBytes: 1 << 20 })
    reader.append(output.subarray(HANDSHAKE_BYTES))
    const messages: RtmpMessage[] = []
    for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message)
    return messages
  }
  return {
    session,
    sent,
    commands: () =>
      sent()
        .filter(({ type }) => type === MESSAGE_TYPE.command)
        .map(readCommand),
  }
}

const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * 1536, 7)])

function toChunks(message: RtmpMessage): Buffer {
  return encodeChunks(message, 3, 128)
}

function answer(name: string, transactionId: number, ...values: readonly AmfValue[]): Buffer {
  const body = encodeAmf0(name, transactionId, ...values)
  return toChunks({ type: MESSAGE_TYPE.command, streamId: 0, timestamp: 0, body })
}

const status = (level: string, code: string, description: string) =>
  answer('onStatus', 0, null, toAmfObject({ level, code, description }))
const CONNECTED = answer('_result', 1, toAmfObject({}), toAmfObject({ code: 'NetConnection.Connect.Success' }))
const CREATED = answer('_result', 4, null, 7)

/** A session that has sent its key. */
function openDeciding() {
  const opened = openSession()
  expect(opened.session.receive(Buffer.concat([HANDSHAKE, CONNECTED, CREATED])).kind).toBe('deciding')
  return opened
}

describe('the publishing side of RTMP', () => {
  test('publishes to the server of this program: its key, and each message as it is', () => {
    const events: RtmpEvent[] = []
    const toClient: Buffer[] = []
    const toServer: Buffer[] = []
    const server = createRtmpSession((bytes) => void toClient.push(bytes))
    const client = createPublishSession(targetOf('rtmp://127.0.0.1:1935/live'), (bytes) => void toServer.push(bytes))
    const exchange = () => {
      while (toServer.length + toClient.length > 0) {
        for (const bytes of toServer.splice(0)) server.receive(bytes)
        for (let event = server.nextEvent(); event !== null; event = server.nextEvent()) events.push(event)
        for (const bytes of toClient.splice(0)) client.receive(bytes)
      }
    }
    client.start()
    exchange()
    expect(events).toEqual([{ kind: 'publish', name: 'abcd-1234-secret' }])
    server.acceptPublish()
    exchange()
    expect(client.phase()).toEqual({ kind: 'publishing' })
    const media = [9, 8].map((type) => ({ type, streamId: 0, timestamp: 17_000_000, body: Buffer.alloc(10_000, type) }))
    toServer.push(...media.map((message) => client.encode(message)))
    exchange()
    expect(events.slice(1)).toEqual(media.map((message) => ({ kind: 'media', message: { ...message, streamId: 1 } })))
    client.unpublish()
    exchange()
    expect(events.at(-1)).toEqual({ kind: 'unpublish' })
  })

  test('uses the message stream that the server created, and goes on without optional commands', () => {
    const { session, commands } = openSession()
    const unknown = [2, 3].map((id) => answer('_error', id, null, toAmfObject({ code: 'NetConnection.Call.Failed' })))
    session.receive(Buffer.concat([HANDSHAKE, CONNECTED, ...unknown, CREATED]))
    expect(commands().map(({ name }) => name)).toEqual([
      'connect',
      'releaseStream',
      'FCPublish',
      'createStream',
      'publish',
    ])
    expect(session.receive(status('status', 'NetStream.Publish.Start', '')).kind).toBe('publishing')
    const chunk = session.encode({ type: 9, streamId: 0, timestamp: 0, body: Buffer.from([1]) })
    expect(chunk.readUInt32LE(8)).toBe(7)
  })

  test.each([
    ['BadName', status('error', 'NetStream.Publish.BadName', 'already publishing'), 'key_refused'],
    [
      'a wrong password',
      answer('_error', 1, null, toAmfObject({ description: '[ code=403 need auth ]' })),
      'key_refused',
    ],
    ['another refusal', status('error', 'NetConnection.Connect.Rejected', 'no room'), 'refused'],
    ['a refusal without words', answer('_error', 5), 'refused'],
    ['a closing command', answer('close', 0, null), 'refused'],
  ])('%s ends it with a reason in words', (_name, bytes, problem) => {
    const { session } = openDeciding()
    expect(session.receive(bytes)).toMatchObject({ kind: 'over', refusal: { problem, reason: expect.any(String) } })
    // Nothing that comes later revives it.
    expect(session.receive(status('status', 'NetStream.Publish.Start', '')).kind).toBe('over')
  })

  test('a server that repeats the key does not bring it into the reason', () => {
    const { session } = openDeciding()
    const words = `Stream name ${KEY} (abcd-1234-secret, ${encodeURIComponent(KEY)})\u0000\n${'x'.repeat(1000)}`
    const phase = session.receive(status('error', 'NetStream.Publish.BadName', words))
    const reason = phase.kind === 'over' ? phase.refusal.reason : ''
    expect(reason).toContain('refuses the stream key: Stream name … (…, …)')
    expect(reason).not.toMatch(/abcd-1234-secret|\p{Cc}/u)
    expect(reason.length).toBeLessThan(300)
  })

  test('an ending that the server announces while it receives is one of the server', () => {
    const { session } = openDeciding()
    session.receive(status('status', 'NetStream.Publish.Start', ''))
    expect(session.receive(status('status', 'NetStream.Unpublish.Success', 'Daily limit'))).toMatchObject({
      refusal: { problem: 'ended_there', reason: 'the platform ended the broadcast there: Daily limit' },
    })
  })

  test('answers pings, and acknowledges what it receives', () => {
    const { session, sent } = openDeciding()
    session.receive(toChunks(composeUserControl(USER_EVENT.pingRequest, 99)))
    expect(sent().at(-1)).toEqual(composeUserControl(USER_EVENT.pingResponse, 99))
    session.receive(toChunks(composeControl(MESSAGE_TYPE.windowAckSize, 65_536)))
    const junk = toChunks({ type: MESSAGE_TYPE.data, streamId: 0, timestamp: 0, body: Buffer.alloc(40_000) })
    session.receive(Buffer.concat([junk, junk]))
    expect(sent().at(-1)?.type).toBe(MESSAGE_TYPE.acknowledgement)
  })

  test('whatever a server sends, only an RtmpError is thrown, and nothing large is kept', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
        const { session } = openDeciding()
        try {
          for (const piece of pieces) session.receive(Buffer.from(piece))
        } catch (error) {
          if (!(error instanceof RtmpError)) throw error
        }
      }),
    )
    const { session } = openDeciding()
    const header = encodeChunks({ type: 20, streamId: 0, timestamp: 0, body: Buffer.alloc(70_000) }, 3, 128)
    expect(() => session.receive(header)).toThrow(RtmpError)
    expect(() => openSession().session.receive(Buffer.from('HTTP/1.1 400'))).toThrow('does not speak RTMP')
  })
})
