//! Applications and their versions: read only, apart from the versions' statistics (see `validation`).

use boinc::id::AppId;
use boinc::record::{App, AppVersion};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::rows;
use crate::schema::boinc::{app, app_version};
use crate::transaction::Conn;

impl Conn {
    /// All applications, by id.
    pub async fn apps(&mut self) -> Result<Vec<App>> {
        let rows = app::table.order(app::id).select(rows::App::as_select()).load(&mut self.db).await?;
        Ok(rows.into_iter().map(App::from).collect())
    }

    /// The application of that short name.
    pub async fn app(&mut self, name: &str) -> Result<Option<App>> {
        let row =
            app::table.filter(app::name.eq(name)).select(rows::App::as_select()).first(&mut self.db).await;
        // The database compares names without case; files and flags don't.
        Ok(row.optional()?.map(App::from).filter(|app| app.name == name))
    }

    /// All versions of an application, by id.
    pub async fn app_versions(&mut self, appid: AppId) -> Result<Vec<AppVersion>> {
        let rows = app_version::table
            .filter(app_version::appid.eq(appid.0))
            .order(app_version::id)
            .select(rows::AppVersion::as_select())
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(AppVersion::from).collect())
    }
}
