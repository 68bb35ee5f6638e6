import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

import { PasswordHasherBusy, type PasswordHasher } from '../../ports/password-hasher.ts'
import { createSemaphore } from '../semaphore.ts'

/** Parameters of OWASP's password storage guide: N = 2^14, r = 8, p = 5. One hash takes 16 MiB. */
const RECOMMENDED_COST = { ln: 14, r: 8, p: 5 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** How many passwords are hashed at a time: they share the thread pool with files and host names. */
const AT_A_TIME = 2
/** How long a password may have to wait for its turn, in ms: the rest of its request needs time too. */
const LONGEST_WAIT_MS = 7000
/** How long a hash takes, in ms, before one was measured; and the share of each measurement in the estimate from then on. */
const USUAL_HASH_MS = 200
const MEASUREMENT_SHARE = 0.25
/** More than Node's default of 32 MiB, which a cost of 2^14 with its overhead reaches. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024

/** A PHC string of scrypt, with the parameters in this order. */
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43,86})$/

type Cost = typeof RECOMMENDED_COST

/**
 * Creates a hasher by scrypt (RFC 7914). Hashes are PHC strings: `$scrypt$ln=14,r=8,p=5$SALT$HASH`. Where a password would
 * wait for longer than `longestWaitMs`, as far as earlier hashes show, it is refused at once.
 */
export function createPasswordHasher(
  newCost: Cost = RECOMMENDED_COST,
  longestWaitMs: number = LONGEST_WAIT_MS,
): PasswordHasher {
  const semaphore = createSemaphore(AT_A_TIME)
  let hashMs = USUAL_HASH_MS

  async function waitForTurn(signal: AbortSignal): Promise<() => void> {
    const waiting = semaphore.waiting()
    if (waiting > 0 && ((waiting + 1) * hashMs) / AT_A_TIME > longestWaitMs) throw new PasswordHasherBusy()
    try {
      return await semaphore.acquire(signal)
    } catch (cause) {
      throw new PasswordHasherBusy('the request ended before its turn', { cause })
    }
  }

  async function derive(input: ScryptInput, signal: AbortSignal): Promise<Buffer> {
    const release = await waitForTurn(signal)
    const startedMs = performance.now()
    try {
      return await deriveKey(input)
    } finally {
      hashMs += (performance.now() - startedMs - hashMs) * MEASUREMENT_SHARE
      release()
    }
  }

  return {
    async hash(password, signal) {
      const salt = randomBytes(SALT_BYTES)
      const hash = await derive({ password, salt, cost: newCost, bytes: HASH_BYTES }, signal)
      return `$scrypt$ln=${newCost.ln},r=${newCost.r},p=${newCost.p}$${toBase64(salt)}$${toBase64(hash)}`
    },
    async verify(password, stored, signal) {
      const [, ln, r, p, salt = '', hash = ''] = PHC.exec(stored) ?? []
      if (ln === undefined) return false
      const expected = Buffer.from(hash, 'base64')
      const cost = { ln: Number(ln), r: Number(r), p: Number(p) }
      const input = { password, salt: Buffer.from(salt, 'base64'), cost, bytes: expected.length }
      return timingSafeEqual(await derive(input, signal), expected)
    },
  }
}

type ScryptInput = {
  readonly password: string
  readonly salt: Buffer
  readonly cost: Cost
  /** Length of the hash. */
  readonly bytes: number
}

function deriveKey({ password, salt, cost: { ln, r, p }, bytes }: ScryptInput): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Equal passwords may be typed as different code points (RFC 8265 §4.2 asks for NFC).
    scrypt(password.normalize('NFC'), salt, bytes, { N: 2 ** ln, r, p, maxmem: MAX_MEMORY_BYTES }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** Returns Base64 without padding, as PHC strings have it. */
function toBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
