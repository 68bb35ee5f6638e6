/** One problem of an object: an item of `details.causes` in a `Status`. */
export type ErrorCause = {
  readonly reason: string
  readonly message: string
  readonly field: string
}

type ErrorDetails = {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly causes?: readonly ErrorCause[]
  readonly retryAfterSeconds?: number
}

type ErrorFields = {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details?: ErrorDetails
  readonly metadata?: { readonly continue?: string }
}

/** An error response, with the fields of its `Status` body. */
export class ApiError extends Error {
  readonly fields: ErrorFields
  constructor(fields: ErrorFields) {
    super(fields.message)
    this.fields = fields
  }
}

/** Converts an error into its `Status` object, with the API server's order of fields. */
export function toStatus({ fields }: ApiError): object {
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

/** Makes the error of an object that does not exist. */
export function notFoundError(resource: string, name: string, group = ''): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: `${formatResource(resource, group)} "${name}" not found`,
    details: { name, ...(group === '' ? {} : { group }), kind: resource },
  })
}

/** Makes the error of a path or resource that the server does not have. */
export function unknownResourceError(): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  })
}

/** Makes the error of a method that a resource does not support. */
export function methodNotAllowedError(): ApiError {
  return new ApiError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  })
}

/** Makes the error of a Pod name that is taken. */
export function alreadyExistsError(name: string, isBeingDeleted: boolean): ApiError {
  const message = `${isBeingDeleted ? 'object is being deleted: ' : ''}pods "${name}" already exists`
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: { name, kind: 'pods' } })
}

/** Makes the error of a conflict. `kind` is `Pod` if a precondition failed, otherwise the resource `pods`. */
export function conflictError(kind: string, name: string, why: string): ApiError {
  return new ApiError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${kind} "${name}": ${why}`,
    details: { name, kind },
  })
}

/** Makes the error of an object that failed validation. */
export function invalidError(kind: string, name: string, causes: readonly ErrorCause[]): ApiError {
  const messages = causes.map(({ field, message }) => `${field}: ${message}`)
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${kind} "${name}" is invalid: ${messages.length === 1 ? messages.join('') : `[${messages.join(', ')}]`}`,
    details: { name, kind, causes },
  })
}

/** Makes the error of a request that cannot be read. */
export function badRequestError(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message })
}

/** Makes the error of a body in an unknown format. */
export function unsupportedMediaTypeError(accepted: readonly string[]): ApiError {
  return new ApiError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  })
}

/** Makes the error of a call that is not authenticated. */
export function unauthorizedError(): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' })
}

/** Makes the error of a Pod that admission rejects. */
export function forbiddenPodError(name: string, why: string): ApiError {
  return forbiddenError({ name, kind: 'pods' }, `pods "${name}" is forbidden: ${why}`)
}

/** Makes the error of a call that is not allowed. */
export function forbiddenError(details: ErrorDetails, message: string): ApiError {
  return new ApiError({ code: 403, reason: 'Forbidden', message, details })
}

/** Makes the error of a resourceVersion that is too old; `continueToken` lets an inconsistent list go on. */
export function expiredError(message: string, continueToken?: string): ApiError {
  return new ApiError({
    code: 410,
    reason: 'Expired',
    message,
    ...(continueToken === undefined ? {} : { metadata: { continue: continueToken } }),
  })
}

/** Makes the error of a resourceVersion that the server has not reached yet. */
export function versionTooLargeError(version: number, current: number): ApiError {
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

function formatResource(resource: string, group: string): string {
  return group === '' ? resource : `${resource}.${group}`
}
