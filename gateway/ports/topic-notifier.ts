/** Notifies the subscribers of a topic in this process. A notification is a hint: the database holds what is true. */
export type TopicNotifier = {
  /** Notifies the subscribers of a topic; to be called after the commit of what they should read. */
  notify(topic: string): void
  /** Calls `onNotify` at each notification of the topic; returns a function that ends the subscription. */
  subscribe(topic: string, onNotify: () => void): () => void
}
