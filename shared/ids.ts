import { v7 as uuidv7 } from 'uuid'

const UUID_V7 = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

/** Pattern of an id without a prefix. Other text is not looked up. */
export const UUID = new RegExp(`^${UUID_V7}$`)

/** Returns a new id without a prefix: a UUIDv7 (RFC 9562 §5.7), so that ids sort by age. */
export function newUuid(): string {
  return uuidv7()
}

/** Returns a new id: the prefix, a hyphen and a UUIDv7 (RFC 9562 §5.7), so that ids of one prefix sort by age. */
export function newId(prefix: string): string {
  return `${prefix}-${newUuid()}`
}

/** Returns the pattern of the ids that `newId` makes with this prefix. */
export function idPattern(prefix: string): RegExp {
  return new RegExp(`^${prefix}-${UUID_V7}$`)
}

/** Returns a new event id: `evt-` and a UUIDv7. */
export function newEventId(): string {
  return newId('evt')
}

/** Pattern of an event id. */
export const EVENT_ID = idPattern('evt')
