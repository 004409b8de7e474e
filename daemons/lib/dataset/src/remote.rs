//! A dataset on storage that speaks S3.
//!
//! An object appears whole or not at all: that is what S3 promises of a put and of a copy. There is no rename. So a part
//! is put below `.staging/`, its record is committed, it is copied to its place, and the staged one is deleted. Killed
//! anywhere between, the next pass does the rest again; a copy made twice is the same copy.
//!
//! Invariant: nothing is in a place that readers look at whose record is not committed.
//!
//! Errors are those of the storage: the pass ends, nothing is marked, a later pass tries again.

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use app_config::Assimilate;
use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore as _, ObjectStoreExt as _, PutPayload, RetryConfig,
    WriteMultipart,
};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use crate::layout;
use crate::storage::{StorageError, storage};

/// Where parts wait for their commit.
const STAGING: &str = ".staging";
/// Files up to this size are put in one request, larger ones in pieces of this size, in bytes.
const PIECE: usize = 8 << 20;
/// Largest file of credentials, in bytes.
const LARGEST_CREDENTIALS: u64 = 64 << 10;

/// Where an application's dataset is, and how it is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteSpec {
    #[allow(missing_docs)]
    pub bucket: String,
    /// What keys begin with, without slashes at its ends; may be empty.
    pub prefix: String,
    /// Address of the service; empty = Amazon's.
    pub endpoint: String,
    #[allow(missing_docs)]
    pub region: String,
    /// File with the keys.
    pub credentials: PathBuf,
    /// Longest time of one request.
    pub timeout: Duration,
}

/// What a file of credentials holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// What is wrong with the declaration or the credentials: a person has to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RemoteMistake(String);

/// The dataset of an application on S3. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Remote {
    store: Arc<AmazonS3>,
    prefix: String,
    /// `s3://BUCKET/PREFIX`, for people.
    shown: PathBuf,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Below the application's folder.
    pub path: String,
    #[allow(missing_docs)]
    pub bytes: u64,
}

fn credentials(path: &FilePath) -> Result<Credentials, RemoteMistake> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |what: String| RemoteMistake(format!("{}: {what}", path.display()));
    let facts = std::fs::metadata(path).map_err(|error| {
        failed(format!("can't be read: {error}; write access_key_id and secret_access_key into it"))
    })?;
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(failed("others may read it; chmod 600".to_owned()));
    }
    if facts.len() > LARGEST_CREDENTIALS {
        return Err(failed(format!("it has more than {LARGEST_CREDENTIALS} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(format!("can't be read: {error}")))?;
    // The text of an error of TOML would show the secret.
    toml::from_str(&text).map_err(|_| {
        failed(
            "it must hold access_key_id = \"…\" and secret_access_key = \"…\", and may hold session_token"
                .to_owned(),
        )
    })
}

/// Where the dataset of an application is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In this folder: `FOLDER/APP`.
    Local(PathBuf),
    /// On S3.
    Remote(Remote),
}

impl Place {
    /// As `[assimilate]` says.
    ///
    /// # Errors
    /// The credentials can't be read, or the declaration makes no sense.
    pub fn of(assimilate: &Assimilate, project: &FilePath, app: &str) -> Result<Self, RemoteMistake> {
        let app = layout::safe(app);
        let Some((bucket, prefix)) = assimilate.bucket() else {
            return Ok(Self::Local(assimilate.folder_in(project).join(app)));
        };
        let s3 = &assimilate.s3;
        let spec = RemoteSpec {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            credentials: project.join(&s3.credentials),
            timeout: Duration::try_from_secs_f64(s3.timeout_seconds).unwrap_or(Duration::from_secs(30)),
        };
        Remote::open(&spec, &app).map(Self::Remote)
    }
}

impl Remote {
    /// A handle; nothing is asked of the service yet. `app` is the folder below the prefix.
    ///
    /// # Errors
    /// The credentials can't be read, or the declaration makes no sense.
    pub fn open(spec: &RemoteSpec, app: &str) -> Result<Self, RemoteMistake> {
        // The first one wins; all of ours are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = credentials(&spec.credentials)?;
        // A pass that can't write shall end soon: the daemon tries again, with growing pauses.
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(2),
                base: 2.0,
            },
            max_retries: 3,
            retry_timeout: spec.timeout,
        };
        let client = ClientOptions::new()
            .with_timeout(spec.timeout)
            .with_connect_timeout(Duration::from_secs(5))
            .with_allow_http(true);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&spec.bucket)
            .with_region(&spec.region)
            .with_access_key_id(keys.access_key_id)
            .with_secret_access_key(keys.secret_access_key)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(token) = keys.session_token {
            builder = builder.with_token(token);
        }
        if !spec.endpoint.is_empty() {
            builder = builder.with_endpoint(&spec.endpoint);
        }
        let store = builder.build().map_err(|error| RemoteMistake(error.to_string()))?;
        let prefix = if spec.prefix.is_empty() { app.to_owned() } else { format!("{}/{app}", spec.prefix) };
        let shown = PathBuf::from(format!("s3://{}/{prefix}", spec.bucket));
        Ok(Self { store: Arc::new(store), prefix, shown })
    }

    /// `s3://BUCKET/PREFIX/APP`
    #[must_use]
    pub fn shown(&self) -> &FilePath {
        &self.shown
    }

    fn key(&self, path: &str) -> Result<Path, StorageError> {
        Path::parse(format!("{}/{path}", self.prefix))
            .map_err(|error| storage("name", &self.shown.join(path))(io::Error::other(error)))
    }

    fn staged(path: &str) -> String {
        format!("{STAGING}/{path}")
    }

    fn failed(
        &self,
        what: &'static str,
        path: &str,
    ) -> impl FnOnce(object_store::Error) -> StorageError + use<> {
        let path = self.shown.join(path);
        move |error| {
            let (kind, hint) = match &error {
                object_store::Error::NotFound { .. } => (io::ErrorKind::NotFound, "; does the bucket exist?"),
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => {
                    (io::ErrorKind::PermissionDenied, "; look at the credentials and what they may do")
                }
                _ => (io::ErrorKind::Other, ""),
            };
            StorageError { what, path, source: io::Error::new(kind, error), hint }
        }
    }

    /// Puts a part into the staging area.
    ///
    /// # Errors
    /// The storage's.
    pub async fn stage(&self, path: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        self.put(&Self::staged(path), bytes).await
    }

    async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        let put = self.store.put(&self.key(path)?, PutPayload::from(bytes)).await;
        put.map(|_| ()).map_err(self.failed("write", path))
    }

    /// Puts a local file into its place: whole or not at all, whatever its size.
    ///
    /// # Errors
    /// The storage's, and those of reading the file.
    pub async fn put_file(&self, local: &FilePath, path: &str) -> Result<(), StorageError> {
        let mut file = tokio::fs::File::open(local).await.map_err(storage("open", local))?;
        let mut piece = Vec::new();
        let read = async |file: &mut tokio::fs::File, piece: &mut Vec<u8>| {
            piece.clear();
            let n = (&mut *file).take(PIECE as u64).read_to_end(piece).await;
            n.map_err(storage("read", local))
        };
        if read(&mut file, &mut piece).await? < PIECE {
            return self.put(path, piece).await;
        }
        let upload = self.store.put_multipart(&self.key(path)?).await.map_err(self.failed("write", path))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE);
        loop {
            // Not more than one piece is under way while the next is read.
            if let Err(error) = upload.wait_for_capacity(1).await {
                return Err(self.failed("write", path)(error));
            }
            upload.write(&piece);
            match read(&mut file, &mut piece).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    // The first error counts.
                    let _ = upload.abort().await;
                    return Err(error);
                }
            }
        }
        upload.finish().await.map(|_| ()).map_err(self.failed("write", path))
    }

    /// Shows a recorded part to readers. `false`: it is nowhere. Safe to be done twice.
    ///
    /// # Errors
    /// The storage's.
    pub async fn publish(&self, path: &str) -> Result<bool, StorageError> {
        let (staged, place) = (self.key(&Self::staged(path))?, self.key(path)?);
        match self.store.copy(&staged, &place).await {
            Ok(()) => {
                self.discard(path).await?;
                Ok(true)
            }
            // It was moved already, by a pass that was killed before it could say so.
            Err(object_store::Error::NotFound { .. }) => self.exists(path).await,
            Err(error) => Err(self.failed("publish", path)(error)),
        }
    }

    /// Whether readers see it.
    ///
    /// # Errors
    /// The storage's.
    pub async fn exists(&self, path: &str) -> Result<bool, StorageError> {
        match self.store.head(&self.key(path)?).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("look at", path)(error)),
        }
    }

    /// Removes a staged part; one that is not there is fine.
    ///
    /// # Errors
    /// The storage's.
    pub async fn discard(&self, path: &str) -> Result<(), StorageError> {
        let staged = Self::staged(path);
        match self.store.delete(&self.key(&staged)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", &staged)(error)),
        }
    }

    /// All objects below a folder of the application's, by path.
    ///
    /// # Errors
    /// The storage's.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>, StorageError> {
        let prefix = self.key(folder)?;
        let found: Vec<object_store::ObjectMeta> =
            self.store.list(Some(&prefix)).try_collect().await.map_err(self.failed("list", folder))?;
        let own = format!("{}/", self.prefix);
        let mut objects: Vec<Object> = found
            .into_iter()
            .filter_map(|meta| {
                let path = meta.location.as_ref().strip_prefix(&own)?.to_owned();
                Some(Object { path, bytes: meta.size })
            })
            .collect();
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// Copies an object to a local file.
    ///
    /// # Errors
    /// The storage's.
    pub async fn fetch(&self, path: &str, local: &FilePath) -> Result<(), StorageError> {
        let got = self.store.get(&self.key(path)?).await.map_err(self.failed("read", path))?;
        let mut pieces = got.into_stream();
        let mut file = tokio::fs::File::create(local).await.map_err(storage("make", local))?;
        while let Some(piece) = pieces.try_next().await.map_err(self.failed("read", path))? {
            tokio::io::AsyncWriteExt::write_all(&mut file, &piece).await.map_err(storage("write", local))?;
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await.map_err(storage("write", local))
    }
}
