import type { Log } from '../../../shared/log.ts'
import { EnvironmentError } from '../../environment.ts'
import { sleep } from '../../platform/wake-signal.ts'

/** A port that the environment may name. */
export type PortChoice = {
  /** The variable's name. */
  readonly variable: string
  /** `undefined`: the usual port, or any free one if that is taken. */
  readonly chosen: number | undefined
  readonly usual: number
}

/** A process that this one replaces may hold the port a little longer. */
const ATTEMPTS = 5
const RETRY_MS = 400
/** Errors of bind(2) that another port may not have. */
const UNAVAILABLE: ReadonlySet<unknown> = new Set(['EADDRINUSE', 'EACCES'])

/**
 * Opens a server on a port.
 * @throws EnvironmentError where the chosen port, or the address, cannot be bound
 */
export async function openPort<Opened>(
  choice: PortChoice,
  open: (port: number) => Promise<Opened>,
  log: Log,
): Promise<Opened> {
  const { variable, chosen, usual } = choice
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(chosen ?? usual)
    } catch (error) {
      const isUnavailable = error instanceof Error && 'code' in error && UNAVAILABLE.has(error.code)
      if (!isUnavailable) throw toEnvironmentError(variable, error)
      if (attempt < ATTEMPTS) await sleep(RETRY_MS, NEVER)
      else if (chosen !== undefined) throw toEnvironmentError(variable, error)
      else break
    }
  }
  log.warn('usual port is taken, using any free one', { variable, port: usual })
  return open(0)
}

const NEVER = new AbortController().signal

function toEnvironmentError(variable: string, error: unknown): EnvironmentError {
  return new EnvironmentError(
    `${variable} cannot be bound: ${error instanceof Error ? error.message : 'unknown error'}`,
  )
}
