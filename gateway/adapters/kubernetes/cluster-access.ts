/** An API server, and the credentials for it. */
export type ClusterAccess = {
  /** The server's address, such as `https://10.0.0.1:6443`. Paths are appended to it. */
  readonly server: string
  /** The namespace that the credentials name; `null`: none. */
  readonly namespace: string | null
  /** Returns the current bearer token; `null` where the connection itself authenticates, by a client certificate. */
  readonly getToken: () => Promise<string | null>
  readonly fetch: Fetch
}

/** The part of the Fetch API that this adapter uses. Every runtime has it. */
export type Fetch = (url: string, request: FetchRequest) => Promise<FetchResponse>

export type FetchRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

export type FetchResponse = {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: ReadableStream<Uint8Array> | null
}
