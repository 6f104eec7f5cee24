BEGIN TRANSACTION;
CREATE TABLE artifacts (
	run INTEGER NOT NULL,
	path TEXT NOT NULL,
	kind TEXT NOT NULL,
	epoch INTEGER,
	step INTEGER,
	sha256 TEXT NOT NULL,
	size INTEGER NOT NULL,
	PRIMARY KEY (run, path),
	FOREIGN KEY(run) REFERENCES runs (number) ON DELETE CASCADE
);
CREATE TABLE fingerprints (
	run INTEGER NOT NULL,
	name TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	PRIMARY KEY (run, name),
	FOREIGN KEY(run) REFERENCES runs (number) ON DELETE CASCADE
);
INSERT INTO "fingerprints" VALUES(1,'train_loss','627f0ae80c92143c660835b467a9a335fba9fe68800283748fa015ce80b6b6b8');
INSERT INTO "fingerprints" VALUES(1,'train_accuracy','0c8f494649a402a55f9e1937430d1625997a1bbf48222a30180b9706abecf610');
INSERT INTO "fingerprints" VALUES(1,'learning_rate','f3cdf0cd4269c3b0e681ae193a5f6442975427b3268e8719b5f2dac6ff9f548e');
INSERT INTO "fingerprints" VALUES(1,'epoch_train_loss','05cea509e1c19373422c51449fef367ecc723fe4e6c80e295ec9df60b7db5081');
INSERT INTO "fingerprints" VALUES(1,'epoch_train_accuracy','143ed89f96c26c63f934c7eb90ad0e16623ef68b1693933fca48da5d36ea9587');
INSERT INTO "fingerprints" VALUES(1,'validation_loss','ff2df66d2b9c29ace3022c95014ce3ca80baaa0a071d96d604de88ad5bb3b561');
INSERT INTO "fingerprints" VALUES(1,'validation_accuracy','aab1a14b52cd29a4bdf16277b7b0fb884ee9ac647e67c74e4f98e8484db989d8');
INSERT INTO "fingerprints" VALUES(1,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(1,'','bd92288af36d77159425540ca88fa2ea84792bd41dfc121242644298403f731c78ceaaede7fd0eb5b8d6f81bf63e34a034f178ceaaede7fddc937b5989269fca51987c96c368f2d57109');
INSERT INTO "fingerprints" VALUES(2,'train_loss','941d1990f73bde5b6ed33c0df49b420cc9fb913df3039214dec927adc69bc0d4');
INSERT INTO "fingerprints" VALUES(2,'train_accuracy','6401de38829e735c13a325e6ba7ef2f0873758f565cb2b3a610efd5c71486c25');
INSERT INTO "fingerprints" VALUES(2,'learning_rate','f024662f4bc24b118abf7ca014ba4cbda3aefaffadbc3943664b8c125520ab17');
INSERT INTO "fingerprints" VALUES(2,'epoch_train_loss','d7927880999c184fef9329e8fae6c88d995932a45765052f46e582af183ad094');
INSERT INTO "fingerprints" VALUES(2,'epoch_train_accuracy','143ed89f96c26c63f934c7eb90ad0e16623ef68b1693933fca48da5d36ea9587');
INSERT INTO "fingerprints" VALUES(2,'validation_loss','816e9db2d1e256d430aa81ba85e0bbc022aa94f8ee4f3a8d13c0499500d35845');
INSERT INTO "fingerprints" VALUES(2,'validation_accuracy','29aca97ca252b3f535fa009f502dd58a81a7083611e6ff2d04217b9282b4ff21');
INSERT INTO "fingerprints" VALUES(2,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(2,'','c12b13d90687fd7afc1f975d5b6e98bec7e30a53f83025bee4f7854b234a11cd5edd1832df254f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96c368f2d57109');
INSERT INTO "fingerprints" VALUES(5,'train_loss','81e015286baeea9d231765133d939efd9a85d8e0812c3c65ba5c804bfc659394');
INSERT INTO "fingerprints" VALUES(5,'train_accuracy','1772204b523a084ee03634b05f7cf849c79fcd0e4a6ee52805d0107f21bd9b38');
INSERT INTO "fingerprints" VALUES(5,'learning_rate','f024662f4bc24b118abf7ca014ba4cbda3aefaffadbc3943664b8c125520ab17');
INSERT INTO "fingerprints" VALUES(5,'epoch_train_loss','ab72392684aea81545bf712ec1dea1809b63d0bccdcc8a65fbf4566e7f9524bc');
INSERT INTO "fingerprints" VALUES(5,'epoch_train_accuracy','c55f63704de2bddfe316dd6bde51452d699f26300f540508c8d5b6601e8af749');
INSERT INTO "fingerprints" VALUES(5,'validation_loss','0fc622c4f53b702e1844bfa47526dcf2ef6c4144093ec7f3ff0f8060a71cf128');
INSERT INTO "fingerprints" VALUES(5,'validation_accuracy','333434bead847319c8ab7ab15956b84388a573d5a3b8f49b425316388d374ba0');
INSERT INTO "fingerprints" VALUES(5,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(5,'','03563eea4d5b3611418c729d103263ab6c7a3cf5c703f0d2941bdf3d2c50492941f0c27c00e84f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96c368f2d57109');
INSERT INTO "fingerprints" VALUES(6,'train_loss','a753ae08108d770b06ce3d1c1800ff247ff6e1a80fe62b0232106e68ec80297b');
INSERT INTO "fingerprints" VALUES(6,'train_accuracy','3f3d5e2265888a3f1033e2d89dc5aca941231f0d75370b215d5238627e843bfc');
INSERT INTO "fingerprints" VALUES(6,'learning_rate','f024662f4bc24b118abf7ca014ba4cbda3aefaffadbc3943664b8c125520ab17');
INSERT INTO "fingerprints" VALUES(6,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(6,'','3b626c84d6c9a38244de613657fb87cd622144c8803b2570ff51906a221c8e16fdeb3e62bd0f4f53cda18c2be3b0c44298fc8322e87d2458dc937b5989269fca51987c96c368f2d57109');
CREATE TABLE lab (
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "lab" VALUES('schema','6');
INSERT INTO "lab" VALUES('sweep:s','fa6fc4960d25f7a60dd2e48756ce16cdeac2ff916fdb26b7041d7b0c48405a0d');
CREATE TABLE metrics (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	run INTEGER NOT NULL,
	step INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	name TEXT NOT NULL,
	value FLOAT,
	special TEXT,
	seconds FLOAT NOT NULL,
	FOREIGN KEY(run) REFERENCES runs (number) ON DELETE CASCADE
);
INSERT INTO "metrics" VALUES(1,1,1,1,'train_loss',2.0,NULL,0.125);
INSERT INTO "metrics" VALUES(2,1,1,1,'train_accuracy',0.5,NULL,0.125);
INSERT INTO "metrics" VALUES(3,1,1,1,'learning_rate',0.001,NULL,0.125);
INSERT INTO "metrics" VALUES(4,1,2,1,'train_loss',1.5,NULL,0.25);
INSERT INTO "metrics" VALUES(5,1,2,1,'train_accuracy',3.33333333333333314829e-01,NULL,0.25);
INSERT INTO "metrics" VALUES(6,1,2,1,'learning_rate',0.002,NULL,0.25);
INSERT INTO "metrics" VALUES(7,1,3,1,'train_loss',NULL,'inf',0.375);
INSERT INTO "metrics" VALUES(8,1,3,1,'train_accuracy',0.25,NULL,0.375);
INSERT INTO "metrics" VALUES(9,1,3,1,'learning_rate',0.001,NULL,0.375);
INSERT INTO "metrics" VALUES(10,1,4,1,'train_loss',NULL,'-inf',0.5);
INSERT INTO "metrics" VALUES(11,1,4,1,'train_accuracy',0.2,NULL,0.5);
INSERT INTO "metrics" VALUES(12,1,4,1,'epoch_train_loss',NULL,'nan',0.51);
INSERT INTO "metrics" VALUES(13,1,4,1,'epoch_train_accuracy',0.51,NULL,0.51);
INSERT INTO "metrics" VALUES(14,1,5,2,'train_loss',NULL,'nan',0.625);
INSERT INTO "metrics" VALUES(15,1,5,2,'train_accuracy',1.66666666666666657414e-01,NULL,0.625);
INSERT INTO "metrics" VALUES(16,1,6,2,'train_loss',1.25,NULL,0.75);
INSERT INTO "metrics" VALUES(17,1,6,2,'train_accuracy',1.42857142857142849212e-01,NULL,0.75);
INSERT INTO "metrics" VALUES(18,1,8,2,'train_loss',0.75,NULL,1.0);
INSERT INTO "metrics" VALUES(19,1,8,2,'train_accuracy',1.11111111111111104943e-01,NULL,1.0);
INSERT INTO "metrics" VALUES(20,1,8,2,'epoch_train_loss',1.0,NULL,1.01);
INSERT INTO "metrics" VALUES(21,1,8,2,'epoch_train_accuracy',0.52,NULL,1.01);
INSERT INTO "metrics" VALUES(22,1,8,2,'validation_loss',NULL,'nan',1.01);
INSERT INTO "metrics" VALUES(23,1,8,2,'validation_accuracy',0.54,NULL,1.01);
INSERT INTO "metrics" VALUES(24,2,1,1,'train_loss',2.0,NULL,0.125);
INSERT INTO "metrics" VALUES(25,2,1,1,'train_accuracy',0.5,NULL,0.125);
INSERT INTO "metrics" VALUES(26,2,1,1,'learning_rate',0.001,NULL,0.125);
INSERT INTO "metrics" VALUES(27,2,2,1,'train_loss',1.5,NULL,0.25);
INSERT INTO "metrics" VALUES(28,2,2,1,'train_accuracy',3.33333333333333314829e-01,NULL,0.25);
INSERT INTO "metrics" VALUES(29,2,4,1,'train_loss',1.25,NULL,0.5);
INSERT INTO "metrics" VALUES(30,2,4,1,'train_accuracy',0.2,NULL,0.5);
INSERT INTO "metrics" VALUES(31,2,4,1,'epoch_train_loss',1.5,NULL,0.51);
INSERT INTO "metrics" VALUES(32,2,4,1,'epoch_train_accuracy',0.51,NULL,0.51);
INSERT INTO "metrics" VALUES(33,2,4,1,'validation_loss',1.0,NULL,0.51);
INSERT INTO "metrics" VALUES(34,2,4,1,'validation_accuracy',0.52,NULL,0.51);
INSERT INTO "metrics" VALUES(39,2,5,2,'train_loss',1.0,NULL,0.625);
INSERT INTO "metrics" VALUES(40,2,5,2,'train_accuracy',1.66666666666666657414e-01,NULL,0.625);
INSERT INTO "metrics" VALUES(41,2,8,2,'train_loss',0.5,NULL,1.0);
INSERT INTO "metrics" VALUES(42,2,8,2,'train_accuracy',1.11111111111111104943e-01,NULL,1.0);
INSERT INTO "metrics" VALUES(43,2,8,2,'epoch_train_loss',0.75,NULL,1.01);
INSERT INTO "metrics" VALUES(44,2,8,2,'epoch_train_accuracy',0.52,NULL,1.01);
INSERT INTO "metrics" VALUES(45,2,8,2,'validation_loss',0.5,NULL,1.01);
INSERT INTO "metrics" VALUES(46,2,8,2,'validation_accuracy',0.54,NULL,1.01);
INSERT INTO "metrics" VALUES(47,4,1,1,'train_loss',2.0,NULL,0.125);
INSERT INTO "metrics" VALUES(48,4,1,1,'train_accuracy',0.5,NULL,0.125);
INSERT INTO "metrics" VALUES(49,4,1,1,'learning_rate',0.001,NULL,0.125);
INSERT INTO "metrics" VALUES(50,4,2,1,'train_loss',1.5,NULL,0.25);
INSERT INTO "metrics" VALUES(51,4,2,1,'train_accuracy',3.33333333333333314829e-01,NULL,0.25);
INSERT INTO "metrics" VALUES(52,4,3,1,'train_loss',1.25,NULL,0.375);
INSERT INTO "metrics" VALUES(53,4,3,1,'train_accuracy',0.25,NULL,0.375);
INSERT INTO "metrics" VALUES(54,4,2,1,'train_loss',1.75,NULL,0.25);
INSERT INTO "metrics" VALUES(55,4,2,1,'train_accuracy',3.33333333333333314829e-01,NULL,0.25);
INSERT INTO "metrics" VALUES(56,4,3,1,'train_loss',1.0,NULL,0.375);
INSERT INTO "metrics" VALUES(57,4,3,1,'train_accuracy',0.25,NULL,0.375);
INSERT INTO "metrics" VALUES(58,4,4,1,'train_loss',0.5,NULL,0.5);
INSERT INTO "metrics" VALUES(59,4,4,1,'train_accuracy',0.2,NULL,0.5);
INSERT INTO "metrics" VALUES(60,4,4,1,'epoch_train_loss',1.0,NULL,0.51);
INSERT INTO "metrics" VALUES(61,4,4,1,'epoch_train_accuracy',0.51,NULL,0.51);
INSERT INTO "metrics" VALUES(62,4,4,1,'validation_loss',0.5,NULL,0.51);
INSERT INTO "metrics" VALUES(63,4,4,1,'validation_accuracy',0.52,NULL,0.51);
INSERT INTO "metrics" VALUES(64,5,1,1,'train_loss',2.0,NULL,0.125);
INSERT INTO "metrics" VALUES(65,5,1,1,'train_accuracy',0.5,NULL,0.125);
INSERT INTO "metrics" VALUES(66,5,1,1,'learning_rate',0.001,NULL,0.125);
INSERT INTO "metrics" VALUES(67,5,2,1,'train_loss',1.5,NULL,0.25);
INSERT INTO "metrics" VALUES(68,5,2,1,'train_accuracy',3.33333333333333314829e-01,NULL,0.25);
INSERT INTO "metrics" VALUES(69,5,2,1,'epoch_train_loss',1.0,NULL,0.26);
INSERT INTO "metrics" VALUES(70,5,2,1,'epoch_train_accuracy',0.51,NULL,0.26);
INSERT INTO "metrics" VALUES(71,5,2,1,'validation_loss',0.25,NULL,0.26);
INSERT INTO "metrics" VALUES(72,5,2,1,'validation_accuracy',0.52,NULL,0.26);
INSERT INTO "metrics" VALUES(73,6,1,1,'train_loss',2.0,NULL,0.125);
INSERT INTO "metrics" VALUES(74,6,1,1,'train_accuracy',0.5,NULL,0.125);
INSERT INTO "metrics" VALUES(75,6,1,1,'learning_rate',0.001,NULL,0.125);
CREATE TABLE runs (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	tags JSON NOT NULL,
	state TEXT NOT NULL,
	config JSON NOT NULL,
	digest TEXT NOT NULL,
	note TEXT NOT NULL,
	created FLOAT NOT NULL,
	queued FLOAT,
	started FLOAT,
	finished FLOAT,
	deleted FLOAT,
	request TEXT,
	worker TEXT,
	host TEXT,
	pid INTEGER,
	pid_start TEXT,
	trouble TEXT,
	heartbeat FLOAT,
	epoch INTEGER NOT NULL,
	step INTEGER NOT NULL,
	steps_per_epoch INTEGER,
	parameters INTEGER,
	macs INTEGER,
	train_images INTEGER,
	seconds FLOAT NOT NULL,
	images_per_second FLOAT,
	learning_rate FLOAT,
	train_loss FLOAT,
	train_accuracy FLOAT,
	best_epoch INTEGER,
	validation_loss FLOAT,
	validation_accuracy FLOAT,
	test_loss FLOAT,
	test_accuracy FLOAT,
	device TEXT,
	versions JSON,
	sweep TEXT,
	data JSON,
	UNIQUE (id)
);
INSERT INTO "runs" VALUES(1,'018bcfe5-6800-73dd-8183-dad89d78e960','diverged','["a"]','diverged','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','a note',1700000000.0,NULL,NULL,1700000004.0,NULL,NULL,NULL,'lab',NULL,NULL,NULL,1700000003.0,2,8,4,7,8,40,1.01,900.0,0.001,1.0,0.52,2,NULL,0.54,NULL,NULL,'AMD EPYC, AVX2, 1 thread','{"mnist-lab": "0.1.0", "torch": "2.12.0", "patience rule": "2", "machine": "Linux x86_64"}',NULL,NULL);
INSERT INTO "runs" VALUES(2,'018bcfe5-7b88-7e03-a5e7-10d86bc7bef2','moved','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 5, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 1, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','fbe47f6d82b435a8','',1700000005.0,NULL,NULL,1700000008.0,NULL,NULL,NULL,'lab',NULL,NULL,NULL,1700000007.0,2,8,4,NULL,NULL,NULL,1.01,900.0,0.001,0.75,0.52,2,0.5,0.54,NULL,NULL,'cpu, 1 thread; then NVIDIA H100 80GB HBM3','{"torch": "2.12.0, then 2.13.0", "mnist-lab": "0.1.0"}',NULL,NULL);
INSERT INTO "runs" VALUES(3,'018bcfe5-8b28-7001-8366-dc331c59e939','waiting','[]','queued','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 5, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 2, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','a61e75dcd6780103','',1700000009.0,1700000009.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,0.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES(4,'018bcfe5-8f10-7892-ac35-64b7030cce45','under way','[]','running','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 5, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 3, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','4d687b6437462c4d','',1700000010.0,NULL,NULL,NULL,NULL,NULL,'cbdd4e620013c44d','lab',8492,'cfabdc23721c4e6f96f027a7d2c49275-4026531836-8075945',NULL,1700000012.0,1,4,NULL,NULL,NULL,NULL,0.51,900.0,0.001,1.0,0.51,1,0.5,0.52,NULL,NULL,'mps, Apple M2, 1 thread','{"torch": "2.13.0"}',NULL,NULL);
INSERT INTO "runs" VALUES(5,'018bcfe5-9eb0-78d1-a7c4-de8aa627fde6','damaged','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 5, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 4, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','ef731a0a50cf73d2','',1700000014.0,NULL,NULL,1700000016.0,NULL,NULL,NULL,'lab',NULL,NULL,NULL,1700000015.0,1,2,NULL,NULL,NULL,NULL,0.26,900.0,0.001,1.0,0.51,1,0.5,0.52,NULL,NULL,'','{}',NULL,NULL);
INSERT INTO "runs" VALUES(6,'018bcfe5-aa68-732c-9c46-2f446adae111','renamed elsewhere','[]','stopped','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 5, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 5, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','5c3c68cee554fe6f','',1700000017.0,NULL,NULL,1700000019.0,NULL,NULL,NULL,'lab',NULL,NULL,NULL,1700000018.0,0,1,NULL,NULL,NULL,NULL,0.125,900.0,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'AMD EPYC, AVX2, 2 threads',NULL,NULL,NULL);
CREATE TABLE sweeps (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	spec JSON NOT NULL,
	created FLOAT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "sweeps" VALUES('s','a sweep','{"fields": {}}',1700000013.0);
CREATE INDEX runs_by_digest ON runs (digest);
CREATE INDEX runs_by_state ON runs (state, queued);
CREATE INDEX runs_by_sweep ON runs (sweep);
CREATE INDEX metrics_by_run ON metrics (run, id);
INSERT INTO "sqlite_sequence" VALUES('runs',6);
INSERT INTO "sqlite_sequence" VALUES('metrics',75);
COMMIT;
