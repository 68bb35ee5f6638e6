/** Returns the topic on which changes of a broadcast are notified. */
export function topicOf(streamId: string): string {
  return `live/${streamId}`
}
