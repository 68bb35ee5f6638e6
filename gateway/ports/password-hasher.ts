/** Hashes passwords with a function that is slow and needs memory. */
export type PasswordHasher = {
  /** Returns the hash of a password with a new salt, as a PHC string. */
  hash(password: string): Promise<string>
  /** Returns whether a password has this hash; false where the hash is not a PHC string of this function. */
  verify(password: string, hash: string): Promise<boolean>
}
