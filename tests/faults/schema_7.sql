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
INSERT INTO "fingerprints" VALUES(1,'train_loss','9f3ef24826c74cea71a634ee4afa076ecb35691d4da90923d1ae88cfcbd31c65');
INSERT INTO "fingerprints" VALUES(1,'train_accuracy','831dd274af46e9778928ee16e8511d22408829266b7c1ed60a88ceae7a053909');
INSERT INTO "fingerprints" VALUES(1,'learning_rate','b1a6d1d0c1cf776e7864deff25ff42a1d589e46d5c839f898b76732809d7f847');
INSERT INTO "fingerprints" VALUES(1,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(1,'','a76f3c8a585c2606d3c0150073b31d04d57404c731317137bc2022edcbe2dea5d8273ce51cfd4f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96d2cbad71ff33');
INSERT INTO "fingerprints" VALUES(2,'train_loss','9f3ef24826c74cea71a634ee4afa076ecb35691d4da90923d1ae88cfcbd31c65');
INSERT INTO "fingerprints" VALUES(2,'train_accuracy','831dd274af46e9778928ee16e8511d22408829266b7c1ed60a88ceae7a053909');
INSERT INTO "fingerprints" VALUES(2,'learning_rate','b1a6d1d0c1cf776e7864deff25ff42a1d589e46d5c839f898b76732809d7f847');
INSERT INTO "fingerprints" VALUES(2,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(2,'','979dfc45f9f667cb44a1dc08669fce8480f92951f5d4c3c0606f78bad14534c3a3088813b29c4f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96d2cbad71ff33');
INSERT INTO "fingerprints" VALUES(3,'train_loss','9f3ef24826c74cea71a634ee4afa076ecb35691d4da90923d1ae88cfcbd31c65');
INSERT INTO "fingerprints" VALUES(3,'train_accuracy','831dd274af46e9778928ee16e8511d22408829266b7c1ed60a88ceae7a053909');
INSERT INTO "fingerprints" VALUES(3,'learning_rate','b1a6d1d0c1cf776e7864deff25ff42a1d589e46d5c839f898b76732809d7f847');
INSERT INTO "fingerprints" VALUES(3,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(3,'','e5fa80b4caaaeb173a599cbc42460bdebcea4ff611f41417519ac0649625b091825ae4ba8bcf4f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96d2cbad71ff33');
INSERT INTO "fingerprints" VALUES(4,'train_loss','9f3ef24826c74cea71a634ee4afa076ecb35691d4da90923d1ae88cfcbd31c65');
INSERT INTO "fingerprints" VALUES(4,'train_accuracy','831dd274af46e9778928ee16e8511d22408829266b7c1ed60a88ceae7a053909');
INSERT INTO "fingerprints" VALUES(4,'learning_rate','b1a6d1d0c1cf776e7864deff25ff42a1d589e46d5c839f898b76732809d7f847');
INSERT INTO "fingerprints" VALUES(4,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(4,'','4da627d5871bbd4c4fb6a0526bf02d9f66317a75042c235dc1147afb7995b13598ad897849424f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96d2cbad71ff33');
INSERT INTO "fingerprints" VALUES(5,'train_loss','9f3ef24826c74cea71a634ee4afa076ecb35691d4da90923d1ae88cfcbd31c65');
INSERT INTO "fingerprints" VALUES(5,'train_accuracy','831dd274af46e9778928ee16e8511d22408829266b7c1ed60a88ceae7a053909');
INSERT INTO "fingerprints" VALUES(5,'learning_rate','b1a6d1d0c1cf776e7864deff25ff42a1d589e46d5c839f898b76732809d7f847');
INSERT INTO "fingerprints" VALUES(5,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(5,'','7a9aeafad0ad02147fd9979d8f8e2882fccf546379a418fb3cab61efcf6bfc09ce614397f9594f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96d2cbad71ff33');
INSERT INTO "fingerprints" VALUES(6,'train_loss','9f3ef24826c74cea71a634ee4afa076ecb35691d4da90923d1ae88cfcbd31c65');
INSERT INTO "fingerprints" VALUES(6,'train_accuracy','831dd274af46e9778928ee16e8511d22408829266b7c1ed60a88ceae7a053909');
INSERT INTO "fingerprints" VALUES(6,'learning_rate','b1a6d1d0c1cf776e7864deff25ff42a1d589e46d5c839f898b76732809d7f847');
INSERT INTO "fingerprints" VALUES(6,'#files','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
INSERT INTO "fingerprints" VALUES(6,'','e2dccdbdd896fca2ee36dc4de5f4b2591c7d6a11acf19d00afaaf1b39693288491676b4cb1334f53cda18c2be3b0c44298fc05343e984530dc937b5989269fca51987c96d2cbad71ff33');
CREATE TABLE lab (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "lab" VALUES('schema','7');
CREATE TABLE measurements (
	run INTEGER NOT NULL, 
	id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	train_loss FLOAT, 
	train_accuracy FLOAT, 
	learning_rate FLOAT, 
	epoch_train_loss FLOAT, 
	epoch_train_accuracy FLOAT, 
	validation_loss FLOAT, 
	validation_accuracy FLOAT, 
	PRIMARY KEY (run, id), 
	FOREIGN KEY(run) REFERENCES runs (number) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "measurements" VALUES(1,1,1,1,100.0,2.0,0.125,0.001,NULL,NULL,NULL,NULL);
INSERT INTO "measurements" VALUES(2,1,1,1,100.0,2.0,0.125,0.001,NULL,NULL,NULL,NULL);
INSERT INTO "measurements" VALUES(3,1,1,1,100.0,2.0,0.125,0.001,NULL,NULL,NULL,NULL);
INSERT INTO "measurements" VALUES(4,1,1,1,100.0,2.0,0.125,0.001,NULL,NULL,NULL,NULL);
INSERT INTO "measurements" VALUES(5,1,1,1,100.0,2.0,0.125,0.001,NULL,NULL,NULL,NULL);
INSERT INTO "measurements" VALUES(6,1,1,1,100.0,2.0,0.125,0.001,NULL,NULL,NULL,NULL);
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
	recorded INTEGER DEFAULT '0' NOT NULL, 
	data JSON, 
	UNIQUE (id)
);
INSERT INTO "runs" VALUES(1,'018bcfe5-6800-7dc4-9bb9-d44718b081dd','on one machine','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','',1700000000.0,NULL,NULL,1700000020.0,NULL,NULL,NULL,'vm',NULL,NULL,NULL,1700000010.0,0,1,NULL,7850,7840,NULL,100.0,0.5,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'AMD EPYC 9B45, AVX-512, 1 thread','{"mnist-lab": "0.2.0", "torch": "2.13.0", "python": "3.11.7", "machine": "Linux x86_64", "patience rule": "2", "training loss rule": "2"}',NULL,1,NULL);
INSERT INTO "runs" VALUES(2,'018bcfe5-dd30-7ca0-90df-8320d3fabab4','on two','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','',1700000030.0,NULL,NULL,1700000050.0,NULL,NULL,NULL,'vm',NULL,NULL,NULL,1700000040.0,0,1,NULL,7850,7840,NULL,100.0,0.5,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'AMD EPYC 9B45, AVX-512, 1 thread; then NVIDIA H100 80GB HBM3','{"mnist-lab": "0.2.0", "torch": "2.12.0, then 2.13.0", "python": "3.11.7", "machine": "Linux x86_64", "patience rule": "2", "training loss rule": "2"}',NULL,1,NULL);
INSERT INTO "runs" VALUES(3,'018bcfe6-5260-7d4d-be45-66d19ad9f401','from before rules','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','',1700000060.0,NULL,NULL,1700000080.0,NULL,NULL,NULL,'vm',NULL,NULL,NULL,1700000070.0,0,1,NULL,7850,7840,NULL,100.0,0.5,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'cpu, 1 thread','{"torch": "2.9.0"}',NULL,1,NULL);
INSERT INTO "runs" VALUES(4,'018bcfe6-c790-7152-8280-a73b5fcce9af','changed from outside','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','',1700000090.0,NULL,NULL,1700000110.0,NULL,NULL,NULL,'vm',NULL,NULL,NULL,1700000100.0,0,1,NULL,7850,7840,NULL,100.0,0.5,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Another processor, AVX2, 1 thread','{"mnist-lab": "0.2.0", "torch": "2.13.0", "python": "3.11.7", "machine": "Linux x86_64", "patience rule": "2", "training loss rule": "2"}',NULL,1,NULL);
INSERT INTO "runs" VALUES(5,'018bcfe7-3cc0-70d6-82b4-8da69d1fd34e','its versions are no object','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','',1700000120.0,NULL,NULL,1700000140.0,NULL,NULL,NULL,'vm',NULL,NULL,NULL,1700000130.0,0,1,NULL,7850,7840,NULL,100.0,0.5,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'AMD EPYC 9B45, AVX-512, 1 thread','[]',NULL,1,NULL);
INSERT INTO "runs" VALUES(6,'018bcfe7-b1f0-782d-a871-e454c283518c','paused under an old rule','[]','finished','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 2, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','e2826b0417c39ae7','',1700000150.0,NULL,NULL,1700000170.0,NULL,NULL,NULL,'vm',NULL,NULL,NULL,1700000160.0,0,1,NULL,7850,7840,NULL,100.0,0.5,0.001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'mps, Apple M2, 4 threads','{"mnist-lab": "0.2.0", "torch": "2.13.0", "python": "3.11.7", "machine": "Linux x86_64", "patience rule": "1", "training loss rule": "2"}',NULL,1,NULL);
INSERT INTO "runs" VALUES(7,'018bcfe8-2720-7f64-8f20-b7f7de8ab21d','waiting','[]','queued','{"dataset": "mnist", "folder": "", "folder_size": 28, "folder_colour": false, "train_images": null, "validation_images": null, "choose_on": "validation", "split_seed": 0, "normalise": true, "standardise": false, "shift": 0.0, "rotate": 0.0, "scale": 0.0, "elastic": 0.0, "crop_flip": false, "architecture": "mlp-300", "library": "torch", "solver": "lbfgs", "inverse_regularisation": 1.0, "tolerance": 0.0001, "optimizer": "adam", "learning_rate": 0.001, "momentum": 0.9, "nesterov": false, "batch_size": 64, "epochs": 3, "schedule": "constant", "step_epochs": 10, "step_factor": 0.1, "warmup_epochs": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "early_stopping": 0, "seed": 0, "precision": "float32", "device": "auto", "threads": 1, "checkpoint_every": 1, "continue_from": "", "continue_epoch": null, "fresh_optimizer": false, "initial_weights": ""}','cc6325ab488e0c75','',1700000180.0,1700000180.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,0.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
CREATE TABLE sweeps (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	spec JSON NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX runs_by_sweep ON runs (sweep);
CREATE INDEX runs_by_state ON runs (state, queued);
CREATE INDEX runs_by_digest ON runs (digest);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',7);
COMMIT;
