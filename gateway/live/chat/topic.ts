/** Returns the topic on which new entries of the chat of a broadcast are notified. */
export function chatTopicOf(streamId: string): string {
  return `chat/${streamId}`
}
