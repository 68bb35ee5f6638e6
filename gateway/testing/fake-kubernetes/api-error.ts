/** One thing wrong with an object, as `details.causes` of a `Status` names it. */
export type Cause = {
  readonly reason: string
  readonly message: string
  readonly field: string
}

type Details = {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly causes?: readonly Cause[]
  readonly retryAfterSeconds?: number
}

type ErrorFields = {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details?: Details
  readonly metadata?: { readonly continue?: string }
}

/** An answer that is no success: what goes into its `Status` body. */
export class ApiError extends Error {
  readonly fields: ErrorFields
  constructor(fields: ErrorFields) {
    super(fields.message)
    this.fields = fields
  }
}

/** The `Status` object of an error, in the API server's order of fields. */
export function statusOf({ fields }: ApiError): object {
  const { code, reason, message, details, metadata } = fields
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: metadata ?? {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  }
}

export function notFound(resource: string, name: string, group = ''): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: `${qualified(resource, group)} "${name}" not found`,
    details: { name, ...(group === '' ? {} : { group }), kind: resource },
  })
}

/** A path or resource that this server does not have. */
export function noSuchResource(): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  })
}

export function methodNotAllowed(): ApiError {
  return new ApiError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  })
}

export function alreadyExists(name: string, isBeingDeleted: boolean): ApiError {
  const message = `${isBeingDeleted ? 'object is being deleted: ' : ''}pods "${name}" already exists`
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: { name, kind: 'pods' } })
}

/** `kind` is the kind where a precondition failed (`Pod`), else the resource (`pods`), as the API server has it. */
export function conflict(kind: string, name: string, why: string): ApiError {
  return new ApiError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${kind} "${name}": ${why}`,
    details: { name, kind },
  })
}

export function invalid(kind: string, name: string, causes: readonly Cause[]): ApiError {
  const said = causes.map(({ field, message }) => `${field}: ${message}`)
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${kind} "${name}" is invalid: ${said.length === 1 ? said.join('') : `[${said.join(', ')}]`}`,
    details: { name, kind, causes },
  })
}

export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message })
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  })
}

export function unauthorized(): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' })
}

/** A Pod that admission keeps out. */
export function forbiddenPod(name: string, why: string): ApiError {
  return forbidden({ name, kind: 'pods' }, `pods "${name}" is forbidden: ${why}`)
}

export function forbidden(details: Details, message: string): ApiError {
  return new ApiError({ code: 403, reason: 'Forbidden', message, details })
}

export function expired(message: string, continueToken?: string): ApiError {
  return new ApiError({
    code: 410,
    reason: 'Expired',
    message,
    ...(continueToken === undefined ? {} : { metadata: { continue: continueToken } }),
  })
}

/** A version that the server has not come to. */
export function versionTooLarge(version: number, current: number): ApiError {
  return new ApiError({
    code: 504,
    reason: 'Timeout',
    message: `Too large resource version: ${version}, current: ${current}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }],
      retryAfterSeconds: 1,
    },
  })
}

function qualified(resource: string, group: string): string {
  return group === '' ? resource : `${resource}.${group}`
}
