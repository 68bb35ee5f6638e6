import { v7 as uuidv7 } from 'uuid'

/** Pattern of the ids of users and sessions. Other text is not looked up. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Returns a new id of a user or session: a UUIDv7 (RFC 9562 §5.7), so that ids sort by age. */
export function newUuid(): string {
  return uuidv7()
}
