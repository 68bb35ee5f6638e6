CREATE TABLE "ledger_entries" (
	"movement_id" uuid NOT NULL,
	"side" smallint NOT NULL,
	"transaction_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"account" text NOT NULL,
	"amount" bigint NOT NULL,
	"currency" text NOT NULL,
	"counter_side" smallint GENERATED ALWAYS AS (-side) STORED NOT NULL,
	"counter_amount" bigint GENERATED ALWAYS AS (-amount) STORED NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "ledger_entries_movement_id_side_amount_currency_pk" PRIMARY KEY("movement_id","side","amount","currency"),
	CONSTRAINT "ledger_entries_side" CHECK ("ledger_entries"."side" = sign("ledger_entries"."amount"))
);
--> statement-breakpoint
CREATE TABLE "payout_accounts" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stripe_events" (
	"event_id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tip_reconciliations" (
	"day" date PRIMARY KEY NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	"checked" integer DEFAULT 0 NOT NULL,
	"differences" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "transactions" (
	"transaction_id" uuid PRIMARY KEY NOT NULL,
	"stream_id" uuid,
	"sender_id" uuid,
	"receiver_id" uuid,
	"amount" integer NOT NULL,
	"currency" text NOT NULL,
	"fee" integer NOT NULL,
	"destination" text,
	"message" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"facts" json NOT NULL,
	"payment_intent" text,
	"idempotency_key" text NOT NULL,
	"request_hash" text NOT NULL,
	"shown_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "transactions_amounts" CHECK ("transactions"."amount" > 0 and "transactions"."fee" between 0 and "transactions"."amount")
);
--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_transaction_id_transactions_transaction_id_fk" FOREIGN KEY ("transaction_id") REFERENCES "public"."transactions"("transaction_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_counterpart" FOREIGN KEY ("movement_id","counter_side","counter_amount","currency") REFERENCES "public"."ledger_entries"("movement_id","side","amount","currency") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_accounts" ADD CONSTRAINT "payout_accounts_user_id_users_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "transactions" ADD CONSTRAINT "transactions_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "transactions" ADD CONSTRAINT "transactions_sender_id_users_user_id_fk" FOREIGN KEY ("sender_id") REFERENCES "public"."users"("user_id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "transactions" ADD CONSTRAINT "transactions_receiver_id_users_user_id_fk" FOREIGN KEY ("receiver_id") REFERENCES "public"."users"("user_id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_entries_side_key" ON "ledger_entries" USING btree ("movement_id","side");--> statement-breakpoint
CREATE INDEX "ledger_entries_by_transaction" ON "ledger_entries" USING btree ("transaction_id");--> statement-breakpoint
CREATE INDEX "stripe_events_by_age" ON "stripe_events" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "transactions_intent_key" ON "transactions" USING btree ("payment_intent");--> statement-breakpoint
CREATE UNIQUE INDEX "transactions_idempotency_key" ON "transactions" USING btree ("sender_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "transactions_by_sender" ON "transactions" USING btree ("sender_id","transaction_id");--> statement-breakpoint
CREATE INDEX "transactions_by_receiver" ON "transactions" USING btree ("receiver_id","transaction_id");--> statement-breakpoint
CREATE INDEX "transactions_by_stream" ON "transactions" USING btree ("stream_id");--> statement-breakpoint
CREATE INDEX "transactions_by_age" ON "transactions" USING btree ("created_at");