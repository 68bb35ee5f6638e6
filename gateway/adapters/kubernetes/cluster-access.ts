/** A way to the API server of a cluster, and what lets us in. */
export type ClusterAccess = {
  /** Its address, such as `https://10.0.0.1:6443`; paths are appended to it. */
  readonly server: string
  /** The namespace that comes with the credentials; `null`: none does. */
  readonly namespace: string | null
  /** The bearer token of the moment; `null` where the connection itself says who we are. */
  readonly token: () => Promise<string | null>
  readonly fetch: Fetch
}

/** The part of `fetch` that is used, so that any runtime's will do. */
export type Fetch = (url: string, request: FetchRequest) => Promise<FetchAnswer>

export type FetchRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

export type FetchAnswer = {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: ReadableStream<Uint8Array> | null
}
