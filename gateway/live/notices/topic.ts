/** The topic on which new notices of anyone are notified. */
export const NOTICES_TOPIC = 'live/notices'

/** Returns the topic on which it is notified that a user has read notices. */
export function readTopicOf(userId: string): string {
  return `live/notices/${userId}`
}
