/** Which gateway this is among those that share a database. */
export type GatewayIdentity = {
  readonly id: string
  /** Whether the gateway of another id can still be alive. */
  mayStillRun(id: string): boolean
}
