CREATE TABLE "clips" (
	"clip_id" uuid PRIMARY KEY NOT NULL,
	"stream_id" uuid NOT NULL,
	"maker_id" uuid NOT NULL,
	"title" text NOT NULL,
	"status" text NOT NULL,
	"first_seq" integer NOT NULL,
	"last_seq" integer NOT NULL,
	"start_sec" double precision NOT NULL,
	"duration" double precision NOT NULL,
	"file_size" bigint,
	"error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "clips" ADD CONSTRAINT "clips_stream_id_streams_stream_id_fk" FOREIGN KEY ("stream_id") REFERENCES "public"."streams"("stream_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "clips" ADD CONSTRAINT "clips_maker_id_users_user_id_fk" FOREIGN KEY ("maker_id") REFERENCES "public"."users"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "clips_by_stream" ON "clips" USING btree ("stream_id","clip_id");--> statement-breakpoint
CREATE INDEX "clips_by_maker" ON "clips" USING btree ("maker_id","clip_id");--> statement-breakpoint
CREATE INDEX "clips_unfinished" ON "clips" USING btree ("clip_id") WHERE status = 'processing';