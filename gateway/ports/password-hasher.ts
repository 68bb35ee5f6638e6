/** Hashes passwords with a function that is slow and needs memory. Callers wait for their turn until the signal aborts. */
export type PasswordHasher = {
  /** Returns the hash of a password with a new salt, as a PHC string. @throws PasswordHasherBusy */
  hash(password: string, signal: AbortSignal): Promise<string>
  /**
   * Returns whether a password has this hash; false where the hash is not a PHC string of this function.
   * @throws PasswordHasherBusy
   */
  verify(password: string, hash: string, signal: AbortSignal): Promise<boolean>
}

/** Too many passwords wait for their hash, or the signal aborted before the turn of this one: nothing was hashed. */
export class PasswordHasherBusy extends Error {}
