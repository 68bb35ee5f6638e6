/** The listener of one broadcast: ffmpeg receives an encoder by SRT, one after another, and hands on what it sends. */

import type { SrtListener } from '../../../../shared/contract/live.ts'
import { newUuid } from '../../../../shared/ids.ts'
import { PROGRAM_LIMITS } from '../../../platform/program-limits.ts'
import { startProgram, type ProgramExit, type RunningProgram } from '../../../platform/start-program.ts'
import { sleep } from '../../../platform/wake-signal.ts'
import { createFlvReader } from '../../flv/flv-reader.ts'
import type { FlvTag } from '../../flv/flv-tag.ts'
import type { Publisher } from '../publisher-registry.ts'
import type { ConnectionContext } from '../serve-connection.ts'
import { buildReceiverArguments, composeReceiverScript } from './receiver-arguments.ts'

export type SrtContext = Pick<
  ConnectionContext,
  'authorize' | 'registry' | 'createToken' | 'createMedia' | 'nowMs' | 'log'
> & {
  /** The address to listen on. */
  readonly host: string
  readonly ffmpegPath: string
}

/** A listener that is open until it is closed. */
export type SrtReceiver = {
  readonly listener: SrtListener
  /** Disconnects its encoder and frees the port; resolves once that is done. */
  close(reason: string): Promise<void>
}

/** After an encoder has left, and after a failure, until the port is opened again, in ms. */
const PAUSE_MS = 200
const FAILURE_PAUSE_MS = 5000
/** An encoder that is connected and sends nothing for longer is disconnected. */
const IDLE_DEADLINE_MS = 10_000
const IDLE_CHECK_MS = 1000
const MAX_REASON_CHARS = 200

/** Opens the listener of a broadcast. A port that is taken is tried again every five seconds. */
export function openSrtReceiver(listener: SrtListener, context: SrtContext): SrtReceiver {
  const closing = new AbortController()
  const log = context.log.with({ stream_id: listener.stream_id, port: listener.port })
  const state: SrtReceiverState = {
    listener,
    context: { ...context, log },
    program: null,
    publisher: null,
    endReason: null,
  }

  async function run(): Promise<void> {
    let lastProblem: string | null = null
    while (!closing.signal.aborted) {
      const problem = await receiveOnce(state)
      if (problem !== null && problem !== lastProblem) log.warn('SRT cannot be received', { reason: problem })
      lastProblem = problem
      await sleep(problem === null ? PAUSE_MS : FAILURE_PAUSE_MS, closing.signal)
    }
  }

  const ended = run()
  return {
    listener,
    async close(reason) {
      closing.abort()
      disconnect(state, reason)
      await ended
    },
  }
}

type SrtReceiverState = {
  readonly listener: SrtListener
  readonly context: SrtContext
  program: RunningProgram | null
  publisher: Publisher | null
  /** Why the present encoder is disconnected; `null`: it is not. */
  endReason: string | null
}

/** Ends the session, if there is one, and the connection. */
function disconnect(state: SrtReceiverState, reason: string): void {
  const { publisher, context } = state
  state.endReason ??= reason
  state.program?.kill()
  if (publisher === null) return
  state.publisher = null
  context.log.info('publisher ended', { session: publisher.session, reason })
  context.registry.end(publisher.session, reason)
}

/** Receives one encoder to its end. Returns what is wrong where the listener failed before one came; else `null`. */
async function receiveOnce(state: SrtReceiverState): Promise<string | null> {
  const { listener, context } = state
  state.endReason = null
  await using program = startProgram(context.ffmpegPath, buildReceiverArguments(), {
    pipes: 1,
    limits: PROGRAM_LIMITS.encoder,
  })
  state.program = program
  await program.write(Buffer.from(composeReceiverScript(context.host, listener)))
  program.closeInput()
  await readTags(state, program)
  program.kill()
  const reason = describeEnd(await program.exited, listener)
  const isFailure = state.publisher === null && state.endReason === null
  disconnect(state, reason)
  return isFailure ? reason : null
}

/** Hands on what ffmpeg writes until that ends, or the encoder is disconnected. */
async function readTags(state: SrtReceiverState, program: RunningProgram): Promise<void> {
  const { context } = state
  const reader = createFlvReader()
  const received = { lastMs: context.nowMs() }
  const checks = setInterval(() => {
    const isIdle = state.publisher !== null && context.nowMs() - received.lastMs > IDLE_DEADLINE_MS
    if (isIdle) disconnect(state, `the encoder sent nothing for ${IDLE_DEADLINE_MS / 1000} s`)
  }, IDLE_CHECK_MS)
  try {
    for await (const chunk of program.pipes[0] ?? []) {
      received.lastMs = context.nowMs()
      const tags = reader.read(Buffer.from(chunk))
      if (tags.length === 0) continue
      state.publisher ??= await beginSession(state, () => received.lastMs)
      for (const tag of tags) receiveTag(state, tag)
      if (state.publisher === null) break
    }
  } catch (error) {
    disconnect(state, error instanceof Error ? error.message : String(error))
  }
  clearInterval(checks)
}

/** Asks the gateway for the encoder that has connected; returns its session, or `null` where it is refused. */
async function beginSession(state: SrtReceiverState, lastByteMs: () => number): Promise<Publisher | null> {
  const { context, listener } = state
  const attempt = { session: newUuid(), token: context.createToken(), keyHash: listener.key_hash, address: 'SRT' }
  const decision = await context.authorize(attempt)
  if (decision.kind === 'refused') {
    context.log.info('publisher refused', { reason: decision.reason })
    disconnect(state, decision.reason)
    return null
  }
  const owner = { session: attempt.session, streamId: decision.streamId, token: attempt.token }
  const media = context.createMedia(owner)
  media.receiveData(['onMetaData', new Map([['encoder', 'SRT']])])
  const publisher: Publisher = {
    ...owner,
    media,
    lastByteMs,
    disconnect: (reason) => disconnect(state, reason),
  }
  context.log.info('publisher accepted', { session: attempt.session })
  context.registry.begin(publisher)
  // The gateway has put it on the air: it learns of the end even where the encoder was disconnected meanwhile.
  if (state.endReason !== null) context.registry.end(publisher.session, state.endReason)
  return state.endReason === null ? publisher : null
}

function receiveTag(state: SrtReceiverState, { type, timestampMs, body }: FlvTag): void {
  const message = { type, streamId: 1, timestamp: timestampMs, body }
  const problem = state.publisher?.media.receive(message, state.context.nowMs()) ?? null
  if (problem !== null) disconnect(state, problem)
}

/** Lines of the SRT library's own log, such as of a wrong passphrase. */
const LIBRARY_LINE = /^\d\d:\d\d:\d\d\.\d+\/SRT:/
/** The part of ffmpeg that a line comes from. */
const LINE_ORIGIN = /^\[[^\]]*\] */

/** Returns why ffmpeg has ended: without an error where the encoder left. */
function describeEnd(exit: ProgramExit, { passphrase }: SrtListener): string {
  if (exit.kind === 'missing') return 'ffmpeg is not installed'
  if (exit.kind === 'killed') return `ffmpeg was ended by ${exit.signal}`
  const lines = exit.stderr.split('\n').filter((line) => line.trim() !== '' && !LIBRARY_LINE.test(line))
  if (exit.code === 0 || lines.length === 0) return 'the encoder closed the connection'
  const text = lines.map((line) => line.replace(LINE_ORIGIN, '')).join('; ')
  return text.replaceAll(passphrase, '***').slice(0, MAX_REASON_CHARS)
}
