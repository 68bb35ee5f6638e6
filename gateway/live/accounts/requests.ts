import * as v from 'valibot'

import { objectProblem } from '../../http/json-body.ts'
import { lines } from '../rules/title.ts'

/** Names that would pass for the platform, or that a path of it has. */
const RESERVED_USERNAMES = new Set(
  [
    'about account accounts admin administrator api archives assets audit auth blocks broadcast channel chat clip',
    'clips console docs embed everyone faq follow followers following follows forgot help here home internal',
    'invitation invitations jobs legal live login logout me metrics mod moderator monitors notice notices',
    'notifications null official openapi owner privacy push-worker register report reports reset robots root',
    'schedule security session settings sign-in sign-out staff status stream streams studio support sys system',
    'tallylight team terms tip tips transactions undefined unsubscribe user users verify-email watch webhook www',
  ].flatMap((line) => line.split(' ')),
)

const Username = v.pipe(
  v.string('must be a string'),
  v.regex(/^[A-Za-z0-9_-]{3,50}$/, 'must be 3 to 50 letters, digits, hyphens or underscores'),
  v.check((name) => !RESERVED_USERNAMES.has(name.toLowerCase()), 'is reserved; choose another one'),
)

/** The form that HTML accepts for `type=email` (WHATWG HTML §4.10.5.1.5), with a dot in its domain. */
const EMAIL =
  /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/i

const Email = v.pipe(
  v.string('must be a string'),
  v.trim(),
  v.maxLength(255, 'must not be longer than 255 characters'),
  v.regex(EMAIL, 'must be an e-mail address'),
)

const MIN_PASSWORD = 10
const MAX_PASSWORD = 200
const PASSWORD_LENGTH = `must be ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`

/** A password that is chosen. */
const NewPassword = v.pipe(
  v.string('must be a string'),
  v.check((text) => {
    const { length } = Array.from(text)
    return length >= MIN_PASSWORD && length <= MAX_PASSWORD
  }, PASSWORD_LENGTH),
)

/** A password that is checked: any text, but not one that costs much to read. */
const CheckedPassword = v.pipe(v.string('must be a string'), v.maxLength(4 * MAX_PASSWORD, 'is too long'))

/** Body of `POST /auth/register`. */
export const RegisterBody = v.strictObject(
  {
    username: Username,
    email: Email,
    password: NewPassword,
    invitation: v.optional(v.pipe(v.string('must be a string'), v.maxLength(100, 'is no invitation'))),
  },
  objectProblem,
)
export type RegisterBody = v.InferOutput<typeof RegisterBody>

/** Body of `POST /auth/login`; `login` is a username or an e-mail address. */
export const LoginBody = v.strictObject(
  {
    login: v.pipe(
      v.string('must be a string'),
      v.trim(),
      v.nonEmpty('must not be empty'),
      // Postgres takes no text with a null character.
      v.regex(/^\P{Cc}+$/u, 'must not have control characters'),
      v.maxLength(255, 'is too long'),
    ),
    password: CheckedPassword,
  },
  objectProblem,
)
export type LoginBody = v.InferOutput<typeof LoginBody>

/** What a channel is about; `null` and an empty text are the same. */
const About = v.pipe(
  v.nullable(lines(1000)),
  v.transform((text) => (text === '' ? null : text)),
)

/** Body of `PUT` and `PATCH /users/{id}`: what it names is changed. */
export const UpdateUserBody = v.pipe(
  v.strictObject(
    {
      username: v.optional(Username),
      email: v.optional(Email),
      password: v.optional(NewPassword),
      about: v.optional(About),
      current_password: v.optional(CheckedPassword),
    },
    objectProblem,
  ),
  v.forward(
    v.check(
      ({ email, password, current_password: current }) =>
        (email === undefined && password === undefined) || current !== undefined,
      'is needed to change the password or the e-mail address',
    ),
    ['current_password'],
  ),
)
export type UpdateUserBody = v.InferOutput<typeof UpdateUserBody>

/** Body of `DELETE /users/{id}`. */
export const DeleteUserBody = v.strictObject({ password: CheckedPassword }, objectProblem)
export type DeleteUserBody = v.InferOutput<typeof DeleteUserBody>

/** The token of a link in a mail. */
const LinkToken = v.pipe(v.string('must be a string'), v.regex(/^[0-9a-f]{64}$/, 'is no token of a link'))

/** Body of `POST /auth/verify-email`; without the token, another mail is requested. */
export const VerifyEmailBody = v.strictObject({ token: v.optional(LinkToken) }, objectProblem)
export type VerifyEmailBody = v.InferOutput<typeof VerifyEmailBody>

/** Body of `POST /auth/forgot`. */
export const ForgotBody = v.strictObject({ email: Email }, objectProblem)
export type ForgotBody = v.InferOutput<typeof ForgotBody>

/** Body of `POST /auth/reset`. */
export const ResetBody = v.strictObject({ token: LinkToken, password: NewPassword }, objectProblem)
export type ResetBody = v.InferOutput<typeof ResetBody>
